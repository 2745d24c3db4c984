// Minutes of HTTP/2 load with clients that leave in the middle, and memory that must stay where it was:
//   TOLLGATE_BIN=build/release/tollgate node tests/soak/http2.mjs [SECONDS]      (300 unless told otherwise)
// h2load (Debian: nghttp2-client) asks for whole answers; beside it clients open streams and reset them or drop the
// connection.  Ends with 1 when a request failed that nobody aborted, or when memory grew.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import http2 from "node:http2";
import { join } from "node:path";
import { Gateway } from "../integration/support/gateway.mjs";

const seconds = Number(process.argv[2] ?? 300);
const cleanUp = [];
const t = { after: (last) => cleanUp.unshift(last) };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function soak() {
  const gateway = await Gateway.start(t, { providers: { demo: { demo: { chunk_delay: "2ms" } } }, logging: { access: false } });
  const body = JSON.stringify({ model: "demo-1", messages: [{ role: "user", content: "hello" }] });
  const file = join(gateway.dir, "body.json");
  writeFileSync(file, body);
  const load = spawn("h2load", ["-D", String(seconds), "-c", "20", "-m", "20", "-t", "1", "-d", file, "-H", "content-type: application/json",
    `http://127.0.0.1:${gateway.port}/v1/chat/completions`], { stdio: ["ignore", "pipe", "inherit"] });
  let report = "";
  load.stdout.setEncoding("utf8").on("data", (text) => (report += text));
  const loaded = new Promise((resolve, reject) => load.on("error", reject).on("close", resolve));
  let running = true;
  loaded.finally(() => (running = false));

  let aborted = 0;
  async function leave() {
    while (running) {
      const session = http2.connect(`http://127.0.0.1:${gateway.port}`).on("error", () => {});
      for (let i = 0; i < 8 && running; ++i) {
        const stream = session.request({ ":method": "POST", ":path": "/v1/chat/completions", "content-type": "application/json" }).on("error", () => {});
        stream.end(JSON.stringify({ model: "demo-1", stream: true, messages: [{ role: "user", content: "a long story" }] }));
        await sleep(aborted % 7);
        if (aborted % 3 === 0) stream.close(http2.constants.NGHTTP2_CANCEL);
        ++aborted;
      }
      session.destroy();
    }
  }
  const leavers = Promise.all([leave(), leave(), leave()]);
  const memory = [];
  while (running) {
    await Promise.race([loaded, sleep(1000)]);
    memory.push(gateway.residentBytes() / 1e6);
  }
  await Promise.all([loaded, leavers]);
  await gateway.settled();

  const third = Math.max(1, Math.floor(memory.length / 3));
  const early = Math.max(...memory.slice(0, third));
  const late = Math.max(...memory.slice(-third));
  const line = /requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(report);
  console.log(`${line?.[0] ?? report}\n${aborted} streams left in the middle; RSS at most ${early.toFixed(1)} MB in the first third, ` +
    `${late.toFixed(1)} MB in the last, ${(gateway.residentBytes() / 1e6).toFixed(1)} MB at the end`);
  return line !== null && Number(line[3]) === 0 && Number(line[4]) === 0 && late <= early * 1.1 + 4;
}

try {
  process.exitCode = (await soak()) ? 0 : 1;
} finally {
  for (const last of cleanUp) await last();
}
