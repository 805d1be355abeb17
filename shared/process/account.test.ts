import { expect, test } from "bun:test";
import { findGroup, findUser } from "./account.ts";

test("users by name and number", () => {
  expect(findUser("root")).toEqual({ uid: 0, gid: 0, name: "root", home: "/root" });
  expect(findUser("0")).toEqual(findUser("root"));
  expect(findUser("nobody")).toMatchObject({ uid: 65534, name: "nobody" });
  expect(findUser("54321")).toEqual({ uid: 54321, gid: 54321, name: "", home: "/" });
  expect(["no such user", "", "-1", "1e3"].map(findUser)).toEqual(Array(4).fill(undefined));
});

test("groups by name and number", () => {
  expect(["root", "0", "54321"].map(findGroup)).toEqual([0, 0, 54321]);
  expect(["no such group", "", "-1"].map(findGroup)).toEqual(Array(3).fill(undefined));
});
