import { sentenceOf, UserError } from "../../shared/user_error.ts";

/** What an inventory needs of an instance (GET /v4/linode/instances). */
export interface Instance {
  label: string;
  tags: string[];
  /** Public ones, and private ones in 192.168.128.0/17. */
  ipv4: string[];
  region: string;
  status: string;
}

interface Page {
  data: Instance[];
  page: number;
  pages: number;
}

export interface Account {
  /** Without the version: "https://api.linode.com". */
  api: string;
  token: string;
  tag: string;
}

const PAGE_SIZE = 500;
const PAGES_MAX = 100;
const ANSWER_MS = 20_000;
const TRIES = 5;
const WAIT_LONGEST_S = 30;

/** All instances with a tag, page by page. Throws a UserError when the API does not answer or refuses. */
export async function listInstances(account: Account): Promise<Instance[]> {
  const found: Instance[] = [];
  for (let page = 1; page <= PAGES_MAX; page++) {
    const { data, pages } = await pageOf(account, page);
    found.push(...data);
    if (page >= pages) break;
  }
  return found;
}

async function pageOf({ api, token, tag }: Account, page: number): Promise<Page> {
  const url = `${api}/v4/linode/instances?page=${page}&page_size=${PAGE_SIZE}`;
  const headers = { Authorization: `Bearer ${token}`, "X-Filter": JSON.stringify({ tags: tag }) };
  for (let tried = 1; ; tried++) {
    const response = await ask(url, headers);
    if (response.ok) return (await response.json()) as Page;
    if (response.status !== 429 || tried === TRIES) throw refusal(response.status);
    const waitS = Number(response.headers.get("Retry-After")) || 1;
    await Bun.sleep(Math.min(WAIT_LONGEST_S, waitS) * 1000);
  }
}

async function ask(url: string, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
  } catch (error) {
    throw new UserError(`Linode's API does not answer: ${sentenceOf(error)}`, 1, { cause: error });
  }
}

function refusal(status: number): UserError {
  if (status === 401)
    return new UserError("Linode refuses the token: make another one, with linodes:read_only");
  if (status === 403) return new UserError("the token may not read Linodes: it needs linodes:read_only");
  if (status === 429) return new UserError("Linode says that too much was asked: try again in a minute");
  return new UserError(`Linode's API answered ${status}: try again later`);
}
