import { setDefaultTimeout } from "bun:test";

/** Tests start real servers, on machines that may be slow. One with a limit of its own keeps it. */
setDefaultTimeout(120_000);
