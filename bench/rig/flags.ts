import { UserError } from "../../shared/user_error.ts";

/** Words of a list, all of them known. */
export function words(text: string, known: readonly string[], flag: string): string[] {
  const given = text.split(",").filter(Boolean);
  const strange = given.find((word) => !known.includes(word));
  if (strange !== undefined) throw new UserError(`${flag} knows ${known.join(", ")}, not ${strange}`, 2);
  return given;
}

export function number(text: string, flag: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new UserError(`${flag} ${text}: give a number`, 2);
  return value;
}
