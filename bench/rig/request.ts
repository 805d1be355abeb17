/** What is asked of every proxy alike. */
export interface Request {
  method: "GET" | "POST";
  path: string;
  /** Bytes of the request's body. */
  sent: number;
  /** Bytes of the answer's body. */
  answered: number;
}

export const SMALL: Request = { method: "GET", path: "/36", sent: 0, answered: 36 };
export const PAGE: Request = { method: "GET", path: "/10k", sent: 0, answered: 10_240 };
export const FILE: Request = { method: "GET", path: "/1m", sent: 0, answered: 1_048_576 };
export const FORM: Request = { method: "POST", path: "/post", sent: 10_240, answered: 36 };

/** The fields of a browser, some 600 bytes: what a parser has to work through for a small answer. */
export const BROWSER_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ["Host", "shop.example.com"],
  [
    "User-Agent",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  ],
  ["Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
  ["Accept-Language", "en-US,en;q=0.9,fr;q=0.6"],
  ["Accept-Encoding", "gzip, deflate, br, zstd"],
  ["Referer", "https://shop.example.com/baskets?sort=newest&page=3"],
  ["Cookie", "session=8c5e1f0b7a6d4c3e9b2f1a0d5e4c3b2a; lang=en; seen=MTcxMzk2MDAwMC4zNTk4NzY1NDMyMQ"],
  ["Upgrade-Insecure-Requests", "1"],
  ["Sec-Fetch-Dest", "document"],
  ["Sec-Fetch-Mode", "navigate"],
  ["Sec-Fetch-Site", "same-origin"],
];
