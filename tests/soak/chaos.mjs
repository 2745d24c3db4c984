// Twenty thousand requests through three faulty vendors, again and again: node tests/soak/chaos.mjs [rounds]
// Breakers open and close all the time.  Each round is tests/integration/chaos.test.mjs in full size: it fails when an answer is
// wrong, when too many are refused, or when memory grows.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const rounds = Number(process.argv[2] ?? 1);
for (let round = 1; round <= rounds; ++round) {
  const { status, stdout } = spawnSync(process.execPath, ["--test", "chaos.test.mjs"], {
    cwd: fileURLToPath(new URL("../integration/", import.meta.url)),
    env: { ...process.env, TOLLGATE_CHAOS_REQUESTS: process.env.TOLLGATE_CHAOS_REQUESTS ?? "20000" },
    encoding: "utf8",
  });
  console.log(`round ${round}: ${stdout.match(/# \{.*\}/)?.[0] ?? stdout}`);
  if (status !== 0) process.exit(1);
}
