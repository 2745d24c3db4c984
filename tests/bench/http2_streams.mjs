// Many streams on few HTTP/2 connections beside as many HTTP/1.1 connections: how evenly the chunks come, and what a held
// stream costs in memory.  In turns, each with a gateway of its own.
// Usage: node tests/bench/http2_streams.mjs [streams] [connections] [rounds]     (1000 10 3); TOLLGATE_BIN names another build.
// The vendor sends one event each 100 ms in each stream; gaps are those that the client sees between a stream's events.
import http from "node:http";
import http2 from "node:http2";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Gateway } from "../integration/support/gateway.mjs";
import { compat } from "../integration/support/gateway.mjs";

const kEvery = 100; // ms
const kEvents = 60;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

if (!isMainThread) {
  const chunk = (content, finish = null) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m",
    choices: [{ index: 0, delta: content === null ? {} : { content }, finish_reason: finish }] })}\n\n`;
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      let sent = 0;
      const timer = setInterval(() => {
        if (++sent <= kEvents) return response.write(chunk(`word ${sent} `));
        clearInterval(timer);
        response.end(chunk(null, "stop") + "data: [DONE]\n\n");
      }, kEvery);
      response.on("close", () => clearInterval(timer));
    });
  });
  server.keepAliveTimeout = 0;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => parentPort.postMessage(server.address().port));
} else {
  const [streams, connections, rounds] = [1000, 10, 3].map((otherwise, i) => Number(process.argv[2 + i] ?? otherwise));
  const vendor = new Worker(new URL(import.meta.url));
  const vendorPort = await new Promise((resolve) => vendor.once("message", resolve));
  const body = JSON.stringify({ model: "up/m", stream: true, messages: [{ role: "user", content: "hello ".repeat(100) }] });
  const fields = { "content-type": "application/json" };
  const path = "/v1/chat/completions";

  const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
  /// Notes the gaps between a stream's events.
  function watch(stream, gaps) {
    let last = 0;
    return new Promise((resolve, reject) => {
      stream.on("data", () => {
        const now = performance.now();
        if (last > 0) gaps.push(now - last);
        last = now;
      });
      stream.on("end", resolve).on("error", reject);
    });
  }
  const speak = {
    async "HTTP/1.1"(port, gaps) {
      const agent = new http.Agent({ maxSockets: Infinity });
      const ends = [];
      for (let i = 0; i < streams; ++i) {
        ends.push(new Promise((resolve, reject) => {
          const request = http.request({ port, host: "127.0.0.1", path, method: "POST", agent, headers: { ...fields, "content-length": Buffer.byteLength(body) } },
            (response) => watch(response, gaps).then(resolve, reject));
          request.on("error", reject).end(body);
        }));
        if (i % 20 === 19) await sleep(20);
      }
      return { ends, close: () => agent.destroy() };
    },
    async "HTTP/2"(port, gaps) {
      const sessions = Array.from({ length: connections }, () => http2.connect(`http://127.0.0.1:${port}`));
      const ends = [];
      for (let i = 0; i < streams; ++i) {
        const stream = sessions[i % connections].request({ ":method": "POST", ":path": path, ...fields });
        ends.push(watch(stream, gaps));
        stream.end(body);
        if (i % 20 === 19) await sleep(20);
      }
      return { ends, close: () => sessions.forEach((session) => session.close()) };
    },
  };

  const cleanUp = [];
  const t = { after: (last) => cleanUp.unshift(last) };
  try {
    for (let round = 0; round < rounds; ++round) {
      for (const [protocol, start] of Object.entries(speak)) {
        const gateway = await Gateway.start(t, { server: { threads: 1 }, providers: { up: compat({ port: vendorPort, url: `http://127.0.0.1:${vendorPort}` }) }, logging: { access: false } });
        await gateway.get("/health");
        const before = gateway.residentBytes();
        const gaps = [];
        const { ends, close } = await start(gateway.port, gaps);
        await sleep(500);
        const held = gateway.residentBytes();
        await Promise.all(ends);
        close();
        await gateway.settled();
        gaps.sort((a, b) => a - b);
        console.log(`${protocol.padEnd(8)} ${streams} streams: gap p50 ${quantile(gaps, 0.5).toFixed(1)} p99 ${quantile(gaps, 0.99).toFixed(1)} max ${gaps.at(-1).toFixed(1)} ms ` +
          `of ${kEvery}; ${((held - before) / streams / 1024).toFixed(1)} KiB each, the vendor's side included`);
      }
    }
  } finally {
    await vendor.terminate();
    for (const last of cleanUp) await last();
  }
}
