import { expect, test } from "bun:test";
import { Hono } from "hono";
import { readAppOptions } from "./app_options.ts";

const request = new Request("http://app.test/");

test("an object, a function, an object of a class, routes alone", async () => {
  class App {
    readonly word = "class";
    fetch(): Response {
      return new Response(this.word);
    }
  }
  const apps = [{ fetch: () => new Response("object") }, () => new Response("function"), new App()];
  const texts = await Promise.all(
    apps.map(async (app) => (await readAppOptions(app)?.fetch(request, undefined))?.text()),
  );
  expect(texts).toEqual(["object", "function", "class"]);
  const routesOnly = readAppOptions({ routes: { "/": new Response() } });
  expect((await routesOnly?.fetch(request, undefined))?.status).toBe(404);
});

test("Hono's own list of routes is not taken for Bun's", async () => {
  const options = readAppOptions(new Hono().get("/", (c) => c.text("hono")));
  expect(options?.routes).toEqual({});
  expect(await (await options?.fetch(request, undefined))?.text()).toBe("hono");
});

test("what can't answer is no app", () => {
  for (const given of [undefined, null, 1, "app", {}, { fetch: 1 }, { routes: [] }]) {
    expect(readAppOptions(given)).toBeUndefined();
  }
});
