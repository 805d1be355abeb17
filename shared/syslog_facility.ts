/** Facilities by number (RFC 3164 §4.1.1). */
export const FACILITIES = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "authpriv",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "clock",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;

export type Facility = (typeof FACILITIES)[number];

export function isFacility(name: string): name is Facility {
  return FACILITIES.some((known) => known === name);
}
