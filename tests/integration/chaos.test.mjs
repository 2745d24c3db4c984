// Three vendors that fail in every way for 30 % of the calls, and one that is killed and comes back: whatever happens,
// an answer is whole and right, or visibly broken.  TOLLGATE_CHAOS_REQUESTS sets the number of requests; tests/soak/chaos.mjs
// runs it in full size.
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

const kRequests = Number(process.env.TOLLGATE_CHAOS_REQUESTS ?? (process.env.TOLLGATE_SANITIZER ? 400 : 3000));
const kInFlight = 24;

/// xorshift32: the same faults in every run.
function seeded(seed) {
  return () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 2 ** 32;
  };
}

const words = (id) => Array.from({ length: 4 + (id % 9) }, (_, i) => `w${id}.${i} `);
const chunk = (id, content, finish = null) => ({
  id: `c${id}`, object: "chat.completion.chunk", created: 1, model: "m",
  choices: [{ index: 0, delta: content === null ? {} : { content }, finish_reason: finish }],
});
const line = (data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const trouble = { error: { message: "chaos", type: "server_error", code: 500 } };

/// Answers the request whose number is in its prompt, with a fault in 30 % of the calls.  A target that has stalled is not asked
/// again, so one of the three never stalls a request: it could have answered.
function faulty(random, broken, stalls) {
  return async (incoming) => {
    const id = Number(incoming.json.messages[0].content);
    const { stream = false } = incoming.json;
    let fault = random() < 0.3 ? Math.floor(random() * 6) : -1;
    const cutAt = Math.floor(random() * words(id).length);
    if (fault === 4) {
      const before = stalls.get(id) ?? 0;
      if (before === 2) fault = -1;
      else stalls.set(id, before + 1);
    }
    if (fault === 0) await new Promise((resolve) => setTimeout(resolve, random() * 40)); // late, but well
    if (fault === 1) return incoming.reply(429, trouble, { "retry-after-ms": "20" });
    if (fault === 2) return incoming.reply(random() < 0.5 ? 500 : 503, trouble);
    if (fault === 4) broken.add(id); // stalls count as broken from here on: the answer may have begun
    if (!stream) {
      const body = JSON.stringify({ id: `c${id}`, object: "chat.completion", created: 1, model: "m",
        choices: [{ index: 0, message: { role: "assistant", content: words(id).join("") }, finish_reason: "stop" }] });
      if (fault === 5) return incoming.reply(200, trouble);
      if (fault !== 3 && fault !== 4) return incoming.reply(200, body);
      await incoming.head(200, { "content-type": "application/json", "content-length": body.length });
      await incoming.write(body.slice(0, body.length / 2));
      if (fault === 3) incoming.reset();
      return; // stalls
    }
    await incoming.stream();
    for (const [i, word] of words(id).entries()) {
      if (i === cutAt && fault === 3) {
        broken.add(id);
        return incoming.reset();
      }
      if (i === cutAt && fault === 4) return; // stalls
      if (i === cutAt && fault === 5) {
        broken.add(id);
        await incoming.chunk(line(trouble));
        return incoming.lastChunk();
      }
      await incoming.chunk(line(chunk(id, word)));
    }
    await incoming.chunk(line(chunk(id, null, "stop")) + line("[DONE]"));
    await incoming.lastChunk();
  };
}

/// One request over kept connections: {status, text, clean}.
function ask(agent, port, body) {
  return new Promise((resolve) => {
    const request = http.request({ agent, port, host: "127.0.0.1", method: "POST", path: "/v1/chat/completions",
      headers: { "content-type": "application/json" } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("close", () => resolve({ status: response.statusCode, text, clean: response.complete }));
      response.on("error", () => {});
    });
    request.on("error", (error) => resolve({ status: 0, text: String(error), clean: false }));
    request.end(JSON.stringify(body));
  });
}

/// What the client was told, and whether it may believe that this is all.
function judge(id, stream, { status, text, clean }) {
  const wanted = words(id).join("");
  if (status !== 200) return { outcome: "refused" };
  if (!stream) {
    assert.equal(clean, true, `answer ${id} was cut`);
    assert.equal(JSON.parse(text).choices[0].message.content, wanted);
    return { outcome: "good" };
  }
  const events = text.split("\n\n").filter((part) => part.startsWith("data: ")).map((part) => part.slice(6));
  let content = "";
  for (const event of events) {
    if (event !== "[DONE]") content += JSON.parse(event).choices?.[0]?.delta?.content ?? "";
  }
  if (events.at(-1) === "[DONE]" && clean) {
    assert.equal(content, wanted, `stream ${id}: nothing is lost and nothing is there twice`);
    return { outcome: "good" };
  }
  assert.ok(!clean && !text.includes("[DONE]"), `stream ${id}: a broken stream has no clean end`);
  assert.ok(wanted.startsWith(content), `stream ${id}: what was sent is the beginning of the answer`);
  return { outcome: "broken" };
}

test(`${kRequests} requests through three faulty vendors`, async (t) => {
  const broken = new Set();
  const stalls = new Map();
  const providers = {};
  for (const [i, name] of ["a", "b", "c"].entries()) {
    const upstream = await FakeUpstream.start(t, faulty(seeded(1000 + i), broken, stalls));
    providers[name] = compat(upstream, { timeouts: { connect: "5s", first_byte: "2s", idle: "400ms", total: "30s" } });
  }
  const gateway = await Gateway.start(t, {
    server: { threads: 2 },
    providers,
    models: { any: { balance: "least_inflight", targets: ["a/m", "b/m", "c/m"] } },
    failover: { retries: 12, retry_budget: "100%", backoff: { base: "5ms", max: "50ms" },
      breaker: { errors: 10, window: "2s", open: "200ms", slow_start: "200ms" } },
    logging: { access: false },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: kInFlight });
  t.after(() => agent.destroy());
  const count = { good: 0, refused: 0, broken: 0 };
  let early = 0;
  let next = 0;
  const client = async () => {
    for (let id = next++; id < kRequests; id = next++) {
      if (id === Math.floor(kRequests / 4)) early = gateway.residentBytes();
      const stream = id % 2 === 0;
      const answer = await ask(agent, gateway.port, { model: "any", stream, messages: [{ role: "user", content: String(id) }] });
      const { outcome } = judge(id, stream, answer);
      ++count[outcome];
      if (outcome === "broken") assert.ok(broken.has(id), `stream ${id} broke although its vendor did not`);
    }
  };
  await Promise.all(Array.from({ length: kInFlight }, client));
  const opened = await gateway.metric("tollgate_failovers_total");
  const grown = gateway.residentBytes() - early;
  t.diagnostic(JSON.stringify({ ...count, failovers: opened, grown }));
  if (!process.env.TOLLGATE_SANITIZER) assert.ok(grown < 16 * 2 ** 20, `grown by ${grown} bytes since a quarter of them`);
  // A stream that breaks after its first event cannot be saved; everything else can.
  assert.ok(count.refused <= kRequests / 1000, `refused ${count.refused} of ${kRequests}`);
  assert.ok(count.broken < kRequests * 0.15, `broken ${count.broken}`);
  await gateway.settled();
});

/// A vendor that can be killed, with all its connections, and comes back on the same port.
class Mortal {
  answered = 0;
  #sockets = new Set();
  #port = 0;
  async live() {
    this.server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (piece) => (body += piece)).on("end", () => {
        const content = JSON.parse(body).messages[0].content;
        this.answered += 1;
        response.setHeader("content-type", "application/json").end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m",
          choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }] }));
      }).on("error", () => {});
    });
    this.server.on("connection", (socket) => this.#sockets.add(socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {})));
    await new Promise((resolve) => this.server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.#port}`;
  }
  async die() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }
}

test("a vendor that is killed and comes back under load costs no answer, and is used again", async (t) => {
  const vendors = [new Mortal(), new Mortal()];
  for (const vendor of vendors) {
    await vendor.live();
    t.after(() => vendor.die());
  }
  const [mortal] = vendors;
  const gateway = await Gateway.start(t, {
    server: { threads: 2 },
    providers: { mortal: compat(mortal), other: compat(vendors[1]) },
    models: { any: { balance: "order", targets: ["mortal/m", "other/m"] } },
    failover: { retries: 2, retry_budget: "100%", backoff: { base: "1ms", max: "5ms" },
      breaker: { errors: 3, window: "1s", open: "100ms", slow_start: "1ms" } },
    logging: { access: false },
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  let over = false;
  let good = 0;
  const bad = [];
  const clients = Array.from({ length: 16 }, async (_, i) => {
    for (let n = 0; !over; ++n) {
      const content = `${i}.${n}`;
      const answer = await ask(agent, gateway.port, { model: "any", messages: [{ role: "user", content }] });
      if (answer.status === 200 && JSON.parse(answer.text).choices[0].message.content === content) good += 1;
      else bad.push(`${answer.status} ${answer.text.slice(0, 300)}`);
    }
  });
  for (let round = 0; round < 4; ++round) {
    const used = mortal.answered;
    await eventually(() => mortal.answered > used + 50, "the vendor to be used");
    await mortal.die();
    const since = good;
    await eventually(() => good > since + 50, "answers without it");
    await mortal.live();
  }
  const used = mortal.answered;
  await eventually(() => mortal.answered > used + 50, "the vendor to be used again");
  over = true;
  await Promise.all(clients);
  assert.deepEqual(bad, []);
  t.diagnostic(`${good} answers over four deaths`);
});
