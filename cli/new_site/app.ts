// The app: any default export with fetch(). An Elysia or a Hono app works the same way.
import { jobs } from "trivet";

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello, Trivet</title>
<style>
  :root { color-scheme: light dark; --accent: light-dark(#b4491f, #f0946c); --line: light-dark(#ddd6cc, #45403a) }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 17px/1.5 system-ui, sans-serif;
    background: light-dark(#faf7f2, #1b1917); color: light-dark(#2a2622, #ece6dd) }
  main { width: min(30rem, 88vw) }
  h1 { font-size: 2rem; margin: 0 0 .5rem; letter-spacing: -.02em }
  form { display: flex; gap: .5rem; margin: 1.5rem 0 1rem }
  input, button { font: inherit; padding: .55rem .9rem; border-radius: .5rem; border: 1px solid var(--line) }
  input { flex: 1; min-width: 0; background: transparent; color: inherit }
  button { background: var(--accent); border-color: var(--accent); color: light-dark(#fff, #1b1917); cursor: pointer }
  output { display: block; min-height: 3em; color: var(--accent) }
  code { font-size: .9em }
</style>
<main>
  <h1>It runs.</h1>
  <p>This page comes from <code>app.ts</code>. The button enqueues a job; a worker runs it with <code>jobs.ts</code>
    and greets in the terminal.</p>
  <form><input name="name" value="world" aria-label="name"><button>Greet later</button></form>
  <output></output>
</main>
<script>
  const form = document.querySelector("form");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch("/greet", { method: "POST", body: new FormData(form) });
    const { job, error } = await answer.json();
    document.querySelector("output").textContent = error ?? "Job " + job + " is on its way: look at the terminal.";
  };
</script>
</html>`;

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/greet") return greet(request);
    if (pathname !== "/") return new Response("Not Found", { status: 404 });
    return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
  },
};

async function greet(request: Request): Promise<Response> {
  const name = (await request.formData()).get("name");
  if (typeof name !== "string" || name === "") return Response.json({ error: "Whom?" }, { status: 422 });
  const job = await jobs.enqueue("greet", { name });
  return Response.json({ job });
}
