/** Upgrade fields (RFC 9110 §7.8): protocols in the order of preference. */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const PROTOCOL = new RegExp(`^(${TOKEN})(?:/${TOKEN})?$`);

/** HTTP in another form, drafts of it too, or what may hold it (RFC 7540 §3.2, RFC 2817). */
const CARRIER = /^(?:h2c?(?:-.*)?|http|tls)$/;

/**
 * The names in the value of an Upgrade field, in lower case and without their versions. Undefined when the value is no
 * list of protocols, or one of them would carry further requests past us: the server chooses.
 */
export function protocolsIn(value: string): string[] | undefined {
  const elements = value.split(/[ \t]*,[ \t]*/).filter((element) => element !== "");
  const names = elements.map((element) => PROTOCOL.exec(element)?.[1]?.toLowerCase());
  const sound = names.filter((name) => name !== undefined && !CARRIER.test(name));
  return sound.length > 0 && sound.length === names.length ? (sound as string[]) : undefined;
}
