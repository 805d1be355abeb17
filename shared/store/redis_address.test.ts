import { expect, test } from "bun:test";
import { placeOf, redisTarget } from "./redis_address.ts";

test("a place never shows a password", () => {
  expect(placeOf("redis://user:secret@10.0.0.1:7000/1")).toBe("10.0.0.1:7000");
  expect(placeOf("redis://cache")).toBe("cache:6379");
  expect(placeOf("redis+sentinel://:secret@h1,h2:5000/main")).toBe("h1:26379,h2:5000/main");
});

test("sentinels, their name for the primary, and Redis's own user, password and number", () => {
  const [url, options] = redisTarget("redis+sentinel://ann:p%40ss@h1,h2:5000/main/3", true);
  expect(url).toBeUndefined();
  expect(options).toMatchObject({
    sentinels: [
      { host: "h1", port: 26_379 },
      { host: "h2", port: 5000 },
    ],
    ...{ name: "main", db: 3, username: "ann", password: "p@ss", failoverDetector: true },
  });
  expect(redisTarget("redis+sentinel://h1/main", false)[1]).not.toHaveProperty("password");
  expect(redisTarget("redis://h1", true)).toEqual(["redis://h1", {}]);
});
