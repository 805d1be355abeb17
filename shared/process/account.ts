import { CString, type Pointer, read } from "bun:ffi";
import { libc } from "./libc.ts";

export interface Account {
  uid: number;
  gid: number;
  /** As its owner logs in; "" for a number that has no name here. */
  name: string;
  home: string;
}

/** Offsets in struct passwd and struct group (getpwnam(3), getgrnam(3)), the same in glibc and musl on 64 bits. */
const PASSWD = { name: 0, uid: 16, gid: 20, home: 32 };
const GROUP_GID = 16;

/** A user of this machine by name or number, from wherever the system looks them up (nsswitch.conf(5)). */
export function findUser(wanted: string): Account | undefined {
  const named = libc().getpwnam(cString(wanted));
  if (named) return accountAt(Number(named) as Pointer);
  if (!isNumber(wanted)) return undefined;
  const id = Number(wanted);
  const numbered = libc().getpwuid(id);
  return numbered ? accountAt(Number(numbered) as Pointer) : { uid: id, gid: id, name: "", home: "/" };
}

/** The number of a group of this machine, by its name or number. */
export function findGroup(wanted: string): number | undefined {
  const found = libc().getgrnam(cString(wanted));
  if (found) return read.u32(found, GROUP_GID);
  return isNumber(wanted) ? Number(wanted) : undefined;
}

function accountAt(at: Pointer): Account {
  return {
    uid: read.u32(at, PASSWD.uid),
    gid: read.u32(at, PASSWD.gid),
    name: textAt(at, PASSWD.name),
    home: textAt(at, PASSWD.home),
  };
}

function textAt(at: Pointer, offset: number): string {
  return String(new CString(read.ptr(at, offset) as Pointer));
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

function isNumber(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}
