import { expect, test } from "bun:test";
import { checkRedisMachine } from "./redis_machine.ts";

test.each([
  ["0", "[always] madvise never", ["advice", "advice"]],
  ["1", "always [madvise] never", ["ok", "ok"]],
])("overcommit %s, huge pages %s", (overcommit, pages, verdicts) => {
  const files: Record<string, string> = {
    "/proc/sys/vm/overcommit_memory": `${overcommit}\n`,
    "/sys/kernel/mm/transparent_hugepage/enabled": `${pages}\n`,
  };
  expect(checkRedisMachine((path) => files[path]).map(({ verdict }) => verdict as string)).toEqual(verdicts);
});
