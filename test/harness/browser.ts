import { readFileSync } from "node:fs";
import { until } from "./until.ts";

/** Flags that keep Chromium to itself: no sandbox, since tests may run as root, and no calls to its maker's hosts. */
const FLAGS = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page in headless Chromium. All pages share one browser: closeBrowser() ends it. */
export class Page implements Disposable {
  readonly #view: Bun.WebView;

  constructor(view: Bun.WebView) {
    this.#view = view;
  }

  evaluate(expression: string): Promise<unknown> {
    return this.#view.evaluate(expression);
  }

  /** Waits until the expression is true in the page. */
  async until(expression: string): Promise<void> {
    await until(() => this.evaluate(expression), `${expression} in ${this.#view.url}`);
  }

  click(selector: string): Promise<void> {
    return this.#view.click(selector);
  }

  /** Chooses files in the first file input that matches. */
  async choose(selector: string, files: readonly string[]): Promise<void> {
    const { result } = await this.#view.cdp<{ result: { objectId: string } }>("Runtime.evaluate", {
      expression: `document.querySelector(${JSON.stringify(selector)})`,
    });
    await this.#view.cdp("DOM.setFileInputFiles", { files, objectId: result.objectId });
  }

  [Symbol.dispose](): void {
    this.#view.close();
  }
}

export async function openPage(url: string): Promise<Page> {
  return new Page(await openView(url));
}

/** Asks it to go, so that it takes its temporary files along; Bun would only kill it. */
export async function closeBrowser(): Promise<void> {
  const view = await openView("about:blank");
  const before = children();
  await view.cdp("Browser.close");
  await until(() => children().length < before.length, "the browser ends");
}

function children(): string[] {
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean);
}

async function openView(url: string): Promise<Bun.WebView> {
  const view = new Bun.WebView({ width: 1200, height: 800, backend: { type: "chrome", argv: FLAGS } });
  await view.navigate(url);
  return view;
}
