/** The Elysia inside the binary, by the names users import it by. Load this file lazily: it costs some milliseconds. */
import * as elysia from "elysia";
import * as adapter from "elysia/adapter";
import * as bunAdapter from "elysia/adapter/bun";
import * as webStandardAdapter from "elysia/adapter/web-standard";
import * as cookies from "elysia/cookies";
import * as error from "elysia/error";
import * as schema from "elysia/schema";
import * as trace from "elysia/trace";
import * as typeSystem from "elysia/type-system";
import * as utils from "elysia/utils";
import * as ws from "elysia/ws";

export const elysiaModules = {
  elysia,
  "elysia/adapter": adapter,
  "elysia/adapter/bun": bunAdapter,
  "elysia/adapter/web-standard": webStandardAdapter,
  "elysia/cookies": cookies,
  "elysia/error": error,
  "elysia/schema": schema,
  "elysia/trace": trace,
  "elysia/type-system": typeSystem,
  "elysia/utils": utils,
  "elysia/ws": ws,
};
