// One request has one meaning, or it is refused: several hundred heads and bodies, and what nginx and HAProxy think of them.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { Gateway } from "./support/gateway.mjs";
import { hostileCases } from "./support/hostile_heads.mjs";
import { startHaproxy, startNginx } from "./support/reverse_proxies.mjs";

const kAtOnce = 24;
const kMark = "probe-was-answered";
const kQuiet = process.env.TOLLGATE_SANITIZER ? 4000 : 1200;
const probe = Buffer.from(`GET /health/live HTTP/1.1\r\nHost: probe\r\nX-Request-Id: ${kMark}\r\n\r\n`);

/// All that comes back within bounds: {text, ended}.
function converse(port, bytes, done, quiet) {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(port, "127.0.0.1");
    const finish = (ended) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, ended });
    };
    const timer = setTimeout(() => finish(false), quiet);
    socket.on("connect", () => socket.write(bytes)).on("error", () => finish(true)).on("close", () => finish(true)).on("end", () => finish(true));
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (done(text)) finish(false);
    });
  });
}
async function pooled(items, work) {
  const results = [];
  const queue = items.map((item, index) => [item, index]);
  await Promise.all(Array.from({ length: kAtOnce }, async () => {
    for (let next; (next = queue.shift()); ) results[next[1]] = await work(next[0]);
  }));
  return results;
}

/// What the gateway made of it: "accept" when it was a request and the one behind it was another, "refuse" when it was answered
/// with an error and the connection ended, else what was seen.
function verdict({ text, ended }) {
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])).filter((status) => status !== 100);
  if (text.includes(kMark)) return statuses.length === 2 && statuses[1] === 200 ? "accept" : `statuses ${statuses}`;
  if (statuses.length === 1 && statuses[0] >= 400 && ended && /\r\nconnection: close\r\n/.test(text)) return "refuse";
  return ended ? `ended after ${statuses}` : `no end after ${statuses}`;
}

describe("requests that could be read in two ways", () => {
  let gateway;
  let verdicts;
  before(async () => {
    gateway = await Gateway.start({ after }, {
      server: { limits: { header: "64KiB" }, timeouts: { header: "500ms", body: "500ms" } },
      providers: { default: "demo", demo: {} },
    });
    verdicts = await pooled(hostileCases, async ({ bytes }) => {
      const seen = await converse(gateway.port, Buffer.concat([bytes, probe]), (text) => text.includes(kMark), kQuiet);
      return { ...seen, verdict: verdict(seen) };
    });
  });

  test("there are several hundred, each with its section", () => {
    assert.ok(hostileCases.length > 400, `${hostileCases.length}`);
    assert.equal(new Set(hostileCases.map((one) => one.name + one.section)).size, hostileCases.length, "named once");
    assert.ok(hostileCases.every((one) => /^(RFC 9110 )?\d/.test(one.section)));
  });

  for (const section of new Set(hostileCases.map((one) => one.section))) {
    test(`section ${section}`, () => {
      const wrong = [];
      hostileCases.forEach((one, i) => {
        const seen = verdicts[i];
        if (one.section === section && seen.verdict !== one.expect) wrong.push(`${one.name}: ${seen.verdict} instead of ${one.expect}: ${seen.text.slice(0, 300)}`);
      });
      assert.deepEqual(wrong, []);
    });
  }

  test("what nginx and HAProxy both refuse, the gateway refuses", async (t) => {
    const upstream = http.createServer({ insecureHTTPParser: false }, (request, response) => {
      request.on("error", () => {}).on("data", () => {}).on("end", () => response.writeHead(200, { "x-upstream": "reached" }).end());
    });
    await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    t.after(() => (upstream.closeAllConnections(), upstream.close()));
    const ports = await Promise.all([startNginx(t, upstream.address().port), startHaproxy(t, upstream.address().port)]);
    const refusals = await Promise.all(ports.map((port) => pooled(hostileCases, async ({ bytes }) => {
      const answered = (text) => /^HTTP\/1\.\d \d{3}[^]*\r\n\r\n/.test(text);
      const { text } = await converse(port, bytes, answered, 4000);
      return !/x-upstream: reached/i.test(text);
    })));
    const both = hostileCases.map((_, i) => refusals[0][i] && refusals[1][i]);
    const weaker = hostileCases.filter((one, i) => both[i] && verdicts[i].verdict !== "refuse").map((one) => `${one.section} ${one.name}`);
    t.diagnostic(`nginx refuses ${refusals[0].filter(Boolean).length}, HAProxy ${refusals[1].filter(Boolean).length}, both ${both.filter(Boolean).length}, the gateway ${verdicts.filter((one) => one.verdict === "refuse").length} of ${hostileCases.length}`);
    assert.ok(refusals.every((one) => one.filter((refused) => !refused).length > 20), "they do accept what is harmless");
    assert.deepEqual(weaker, []);
  });
});
