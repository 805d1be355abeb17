import { defineJobs } from "trivet";

const folder = process.env["CREDENTIALS_DIRECTORY"] ?? "";
const redis = new Bun.RedisClient((await Bun.file(`${folder}/STORE_URL`).text()).trim());

export default defineJobs({
  mark: {
    attempts: 20,
    async run(payload) {
      await redis.sadd("marked", (payload as { id: string }).id);
    },
  },
});
