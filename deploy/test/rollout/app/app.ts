/** What the nodes of the rollout run: an answer, an echo of uploads, a socket, and jobs. */
import { Elysia } from "elysia";
import { jobs } from "trivet";

export default new Elysia()
  .get("/", () => "hello")
  .post(
    "/upload",
    async ({ request }) => {
      let bytes = 0;
      if (request.body) for await (const chunk of request.body) bytes += (chunk as Uint8Array).length;
      return { bytes };
    },
    { parse: "none" },
  )
  .post("/jobs/:id", async ({ params }) => {
    await jobs.enqueue("mark", { id: params.id });
    return { id: params.id };
  })
  .ws("/socket", { message: (socket, message) => void socket.send(message) });
