import { dirname, join } from "node:path/posix";
import type { Tree } from "./tree.ts";

/** Pages that must be there: they walk the code in order. */
const WALKS = ["docs/request.md", "docs/job.md"];
/** Files in a user's folder, which the pages speak of too. */
const USERS_FILES = new Set(["app.ts", "jobs.ts", "trivet.toml", "app.test.ts"]);
const IN_BACKTICKS = /`([\w./-]+\.(?:ts|md|toml))`/g;
const LINKED = /\]\((?!https?:|#|mailto:)([^)#\s]+)/g;

/** Files that a page names and that are not there. */
export function missingFiles(tree: Tree): string[] {
  const walks = WALKS.filter((page) => !tree.has(page)).map((page) => `${page} is missing`);
  const pages = [...tree].filter(([path]) => path.endsWith(".md"));
  return [...walks, ...pages.flatMap(([page, text]) => missingIn(page, text, tree))];
}

function missingIn(page: string, text: string, tree: Tree): string[] {
  // Only the walks name files without their folder.
  const named = [...text.matchAll(IN_BACKTICKS)]
    .map(([, name = ""]) => name)
    .filter((name) => (name.includes("/") || WALKS.includes(page)) && !isThere(name, tree));
  // Pictures and folders are not in the tree of texts.
  const linked = [...text.matchAll(LINKED)]
    .map(([, name = ""]) => name)
    .filter((name) => /\.(?:ts|md|toml)$/.test(name));
  const broken = linked.filter((name) => !tree.has(join(dirname(page), name)));
  return [...new Set([...named, ...broken])].map((name) => `${page} names ${name}, which is not there`);
}

/** By its path, or by its name alone where the page has said which folder it walks. */
function isThere(name: string, tree: Tree): boolean {
  const short = name.replace(/^\.\//, "");
  // A place on a server.
  if (USERS_FILES.has(short) || name.startsWith("/")) return true;
  return [...tree.keys()].some((path) => path === short || path.endsWith(`/${short}`));
}
