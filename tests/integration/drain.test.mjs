// SIGTERM and SIGHUP under load: nothing that was accepted is lost.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deferred, eventually, within } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection, eventData, requestBytes } from "./support/http.mjs";
import { delta, event, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const chat = (more = {}) => ({ method: "POST", path: "/v1/chat/completions", body: { model: "up/m", messages: [{ role: "user", content: "hi" }], ...more } });

/// Sends one request after another until the connection ends or `until` is done.  Every request that was written gets a whole
/// answer, or was written to a connection that the gateway was closing without having read it; counts both.
async function keepAsking(gateway, until, tally, request = chat()) {
  let stopped = false;
  until.then(() => (stopped = true));
  while (!stopped) {
    let connection;
    try {
      connection = await Connection.open(gateway.port);
    } catch {
      return; // it does not accept any more
    }
    for (let announced = false; !announced && !stopped; ) {
      if (connection.inbox.ended) break; // closed before the next request was written
      await connection.write(requestBytes(request));
      let response;
      try {
        response = await connection.response();
      } catch (error) {
        tally.broken.push(error.message);
        break;
      }
      if (response === null) {
        tally.lost += 1;
        break;
      }
      if (response.status !== 200 || !response.clean) tally.broken.push(`${response.status} ${response.text.slice(0, 300)}`);
      tally.answered += 1;
      announced = response.headers.connection === "close";
    }
    connection.destroy();
  }
}

describe("SIGTERM", () => {
  test("under load: every written request is answered, running streams finish, exit code 0", async (t) => {
    const release = deferred();
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      if (!incoming.json.stream) return wellBehaved(incoming);
      await incoming.stream();
      await incoming.chunk(event(delta("Hel")));
      await release.promise;
      await incoming.chunk(event(delta("lo.")));
      await incoming.chunk(event(delta(null, "stop")) + event("[DONE]"));
      await incoming.lastChunk();
    });
    const gateway = await Gateway.start(t, { server: { timeouts: { drain: "20s" } }, providers: { up: compat(upstream) } });
    const streams = await Promise.all(Array.from({ length: 20 }, async () => {
      const connection = await Connection.open(gateway.port);
      await connection.write(requestBytes(chat({ stream: true })));
      const begun = deferred();
      const response = connection.response({ onBytes: begun.resolve });
      await within(begun.promise, "a stream to begin");
      return { response };
    }));
    const over = deferred();
    const tally = { answered: 0, lost: 0, broken: [] };
    const clients = Array.from({ length: 50 }, () => keepAsking(gateway, over.promise, tally));
    await eventually(() => tally.answered > 500, "the load");
    const before = tally.answered;
    gateway.signal("SIGTERM");
    await within(Promise.all(clients), "the clients to be sent away");
    assert.ok(tally.answered > before, "requests that were on their way are answered");
    const probe = await Connection.open(gateway.port).then(() => "accepted", () => "refused");
    assert.equal(probe, "refused", "nobody new is let in");
    release.resolve();
    for (const { response } of streams) {
      const { text, clean } = await response;
      assert.equal(text, streamText());
      assert.equal(clean, true);
    }
    over.resolve();
    assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
    t.diagnostic(`${tally.answered} answered, ${tally.lost} lost`);
    assert.deepEqual(tally.broken, []);
    assert.equal(tally.lost, 0);
  });

  test("ends at once when nothing runs, and soon when connections are idle", async (t) => {
    const gateway = await Gateway.start(t, { server: { timeouts: { drain: "60s" } }, providers: { demo: {} } });
    const idle = await Promise.all(Array.from({ length: 20 }, () => Connection.open(gateway.port)));
    for (const connection of idle) await connection.exchange({ path: "/health" });
    const began = performance.now();
    await gateway.stop();
    assert.ok(performance.now() - began < 5000);
    for (const connection of idle) await connection.closed();
  });

  test("turns readiness off while it drains, for those who are still connected", async (t) => {
    const release = deferred();
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      await release.promise;
      await wellBehaved(incoming);
    });
    const gateway = await Gateway.start(t, { server: { threads: 1, timeouts: { drain: "20s" } }, providers: { up: compat(upstream) } });
    const busy = await Connection.open(gateway.port);
    await busy.write(Buffer.concat([requestBytes(chat()), requestBytes({ path: "/health/ready" })]));
    await upstream.request(0);
    gateway.signal("SIGTERM");
    await gateway.logged((line) => line.event === "stopping", "the stop");
    release.resolve();
    const last = await busy.response();
    assert.equal(last.status, 200);
    assert.deepEqual((await gateway.exited()).code, 0);
  });

  test("streams longer than the grace time end in an error event and a broken end", async (t) => {
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      await incoming.stream();
      const timer = setInterval(() => incoming.chunk(event(delta("x"))), 20);
      await incoming.closed;
      clearInterval(timer);
    });
    const gateway = await Gateway.start(t, { server: { timeouts: { drain: "400ms" } }, providers: { up: compat(upstream) } });
    const begun = deferred();
    const streaming = gateway.chat({ model: "up/m", stream: true }, {}, { onBytes: begun.resolve });
    const waiting = gateway.chat({ model: "up/m" }); // an answer that never becomes one
    await begun.promise;
    await upstream.request(1);
    gateway.signal("SIGTERM");
    const response = await within(streaming, "the stream's end");
    assert.equal(response.clean, false);
    assert.ok(!response.text.includes("[DONE]"));
    assert.match(JSON.parse(eventData(response.text).at(-1)).error.message, /shutting down/);
    const refused = await within(waiting, "the other's end");
    assert.equal(refused.status, 503, refused.text);
    assert.match(refused.json().error.message, /shutting down/);
    assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
  });

  test("twice ends the waiting", async (t) => {
    const upstream = await FakeUpstream.start(t, () => {});
    const gateway = await Gateway.start(t, { server: { timeouts: { drain: "5m" } }, providers: { up: compat(upstream) } });
    const waiting = gateway.chat({ model: "up/m" });
    await upstream.request(0);
    gateway.signal("SIGTERM");
    await gateway.logged((line) => line.event === "stopping", "the first signal");
    const began = performance.now();
    gateway.signal("SIGINT");
    assert.equal((await within(waiting, "the cut")).status, 503);
    assert.deepEqual(await gateway.exited(), { code: 0, signal: null });
    assert.ok(performance.now() - began < 3000);
  });
});

describe("SIGHUP", () => {
  const config = (upstream, more = {}) => ({ server: { timeouts: { drain: "20s" } }, providers: { up: compat(upstream) }, models: { one: { chain: ["up/m"] } }, ...more });
  const reloaded = (gateway, from) => gateway.logged((line) => line.event === "configuration reloaded", "the reload", from);

  test("brings in what is new for requests that begin after it, and keeps it for those that run", async (t) => {
    const hold = deferred();
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      if (incoming.json.wait) await hold.promise;
      await wellBehaved(incoming);
    });
    const gateway = await Gateway.start(t, config(upstream));
    assert.equal((await gateway.chat({ model: "two" })).headers["x-tollgate-model"], "two", "not an alias yet");
    const running = gateway.chat({ model: "one", wait: true });
    await upstream.request();
    gateway.writeConfig({ ...config(upstream), server: { listen: [`127.0.0.1:${gateway.port}`] }, models: { two: { chain: ["up/n"] } } });
    gateway.signal("SIGHUP");
    await reloaded(gateway);
    const fresh = await gateway.chat({ model: "two" });
    assert.equal(fresh.headers["x-tollgate-model"], "n");
    assert.equal(upstream.last.json.model, "n");
    hold.resolve();
    assert.equal((await running).status, 200);
    assert.equal(await gateway.metric("tollgate_config_reloads_total", { result: "applied" }), 1);
  });

  test("with a bad file keeps the running configuration and logs every problem", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, config(upstream));
    gateway.writeConfig("server: {lissten: ['127.0.0.1:1']}\nproviders:\n  up: {type: openai_compat, timeouts: {connect: soon}}\nmodels: {x: {chain: [nowhere/m]}}\n");
    gateway.signal("SIGHUP");
    await eventually(async () => (await gateway.metric("tollgate_config_reloads_total", { result: "rejected" })) === 1, "the rejection");
    const told = () => gateway.lines.filter((line) => line.event?.includes("rejected")).map((line) => line.problem);
    for (const expected of [/tollgate\.yaml:1:\d+.*lissten.*listen/, /tollgate\.yaml:3:\d+.*connect/]) {
      await eventually(() => told().some((text) => expected.test(text)), `a line that matches ${expected}`);
    }
    assert.equal((await gateway.chat({ model: "one" })).status, 200);
    gateway.writeConfig(config(upstream));
    gateway.signal("SIGHUP");
    await reloaded(gateway);
    assert.equal((await gateway.chat({ model: "one" })).status, 200);
  });

  test("again and again under load drops no request", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, config(upstream));
    const over = deferred();
    const tally = { answered: 0, lost: 0, broken: [] };
    const requests = [chat({ model: "one" }), chat({ model: "one", stream: true })];
    const clients = Array.from({ length: 16 }, (_, i) => keepAsking(gateway, over.promise, tally, requests[i % 2]));
    for (let i = 0; i < 20; ++i) {
      const seen = tally.answered;
      const from = gateway.lines.length;
      gateway.writeConfig(config(upstream, { failover: { retries: i % 3 } }));
      gateway.signal("SIGHUP");
      await reloaded(gateway, from);
      await eventually(() => tally.answered > seen + 20, "requests after the reload");
    }
    over.resolve();
    await within(Promise.all(clients), "the clients");
    t.diagnostic(`${tally.answered} answered over 20 reloads`);
    assert.deepEqual({ lost: tally.lost, broken: tally.broken }, { lost: 0, broken: [] });
    assert.ok(upstream.connections < 64, `kept connections survive reloads: ${upstream.connections}`);
    await gateway.settled();
  });
});
