/** Who a child becomes before it meets requests or user code, when its supervisor is root. */
import { UserError } from "../user_error.ts";
import { type Account, findGroup, findUser } from "./account.ts";

export interface Identity {
  uid: number;
  gid: number;
  /** Whose other groups it gets too; "" for none. */
  name: string;
  home: string;
}

/** What a section of trivet.toml says; "" is: as we are. */
export interface Wish {
  user: string;
  group: string;
}

/** Who the children of a mode become; undefined when they stay what we are. Throws a UserError when they can't. */
export function identityOf(section: "proxy" | "serve", { user, group }: Wish): Identity | undefined {
  if (user === "" && group === "") return undefined;
  const own = ownAccount();
  const account = user === "" ? own : findUser(user);
  if (!account) throw new UserError(`${section}.user: this machine has no user "${user}"`, 2);
  const gid = group === "" ? account.gid : findGroup(group);
  if (gid === undefined) throw new UserError(`${section}.group: this machine has no group "${group}"`, 2);
  if (own.uid === 0) return { ...account, gid };
  if (own.uid === account.uid && (own.gid === gid || group === "")) return undefined;
  const key = user === "" ? "group" : "user";
  throw new UserError(
    `${section}.${key}: only root may become "${user || group}": start as root, or as that ${key}, or remove the key`,
  );
}

/** The same for what only needs to be shared with them: undefined also when their own start would fail. */
export function knownIdentity(section: "proxy" | "serve", wish: Wish): Identity | undefined {
  try {
    return identityOf(section, wish);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** There is no way back. All threads change (setuid(2), "C library/kernel differences"). */
export function become({ uid, gid, name, home }: Identity): void {
  // Bun has it, its types do not.
  const { initgroups } = process as unknown as { initgroups: (user: string, gid: number) => void };
  if (name) initgroups(name, gid);
  else process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  Object.assign(process.env, { USER: name || String(uid), LOGNAME: name || String(uid), HOME: home });
}

function ownAccount(): Account {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    name: "",
    home: process.env["HOME"] ?? "/",
  };
}
