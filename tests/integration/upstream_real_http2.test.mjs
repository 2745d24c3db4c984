// HTTP/2 to servers that others wrote: Debian's nginx and HAProxy between the gateway and a vendor.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { deferred, eventually } from "./support/bounded.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { startHaproxy, startNginx } from "./support/real_proxies.mjs";
import { completion, delta, event, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const authority = new Authority({ after });
const good = authority.issue("good", "DNS:localhost,IP:127.0.0.1");
const config = { server: { threads: 1 }, failover: { retries: 0, breaker: { errors: 0 } } };

/// Answers whole, or with a stream whose events are far enough apart for others to come in between.
async function unhurried(incoming) {
  if (!incoming.json.stream) return wellBehaved(incoming);
  await incoming.stream();
  for (const piece of ["Hel", "lo."]) {
    await incoming.chunk(event(delta(piece)));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await incoming.chunk([delta(null, "stop"), "[DONE]"].map(event).join(""));
  await incoming.lastChunk();
}

function gatewayAt(t, proxy) {
  const providers = {
    secure: compat(proxy.secure, { tls: { ca_file: authority.caFile } }),
    plain: compat(proxy.plain, { pool: { http2: "on" } }),
  };
  return Gateway.start(t, { ...config, providers });
}

/// `count` requests, `at_once` at a time, all of which must succeed.  Returns the number that did.
async function load(gateway, model, count, atOnce, during = () => {}) {
  let next = 0;
  let done = 0;
  const client = async () => {
    while (next < count) {
      const n = next++;
      const stream = n % 2 === 0;
      const answer = await gateway.chat({ model, stream });
      assert.equal(answer.status, 200, `request ${n}: ${answer.text}`);
      assert.equal(answer.text, stream ? streamText() : JSON.stringify(completion()));
      assert.ok(answer.clean);
      done += 1;
      await during(done);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return done;
}
const opened = (gateway, provider) => gateway.metric("tollgate_upstream_pool_events_total", { provider, event: "opened" });

for (const [name, startProxy] of [["nginx", startNginx], ["HAProxy", startHaproxy]]) {
  describe(name, () => {
    for (const model of ["secure/m", "plain/m"]) {
      test(`carries chats, streams and large bodies on one connection: ${model}`, async (t) => {
        const vendor = await FakeUpstream.start(t, (incoming) => {
          const { content } = incoming.json.messages[0];
          return content.length > 1000 ? incoming.reply(200, completion(content)) : unhurried(incoming);
        });
        const gateway = await gatewayAt(t, await startProxy(t, vendor, good));
        assert.equal(await load(gateway, model, 60, 12), 60);
        assert.equal(await opened(gateway, model.split("/")[0]), 1);
        const text = "x".repeat(2_000_000);
        const large = await gateway.chat({ model, messages: [{ role: "user", content: text }] });
        assert.equal(large.status, 200, large.text.slice(0, 300));
        assert.ok(large.json().choices[0].message.content === text);
        assert.equal(vendor.requests[0].headers.authorization, "Bearer sk-upstream");
      });
    }
  });
}

describe("GOAWAY", () => {
  for (const model of ["secure/m", "plain/m"]) {
    test(`by nginx after each 20 requests of a connection loses none: ${model}`, async (t) => {
      const vendor = await FakeUpstream.start(t, unhurried);
      const gateway = await gatewayAt(t, await startNginx(t, vendor, good, { keepaliveRequests: 20 }));
      assert.equal(await load(gateway, model, 300, 64), 300);
      assert.equal(vendor.requests.length, 300, "and none was sent twice");
      assert.ok((await opened(gateway, model.split("/")[0])) >= 15);
    });
  }

  test("by HAProxy's reloads loses none", async (t) => {
    const vendor = await FakeUpstream.start(t, unhurried);
    const haproxy = await startHaproxy(t, vendor, good);
    const gateway = await gatewayAt(t, haproxy);
    const at = new Set([50, 150]);
    assert.equal(await load(gateway, "secure/m", 300, 16, (done) => at.delete(done) && haproxy.signal("SIGUSR2")), 300);
    await eventually(async () => {
      await load(gateway, "secure/m", 10, 5);
      return (await opened(gateway, "secure")) >= 2;
    }, "a connection to the new process");
  });

  test("by HAProxy when it stops lets a running stream end well", async (t) => {
    const go = deferred();
    const vendor = await FakeUpstream.start(t, async (incoming) => {
      if (!incoming.json.stream) return wellBehaved(incoming);
      await incoming.stream();
      await incoming.chunk(event(delta("Hel")));
      await go.promise;
      await incoming.chunk([delta("lo."), delta(null, "stop"), "[DONE]"].map(event).join(""));
      await incoming.lastChunk();
    });
    const haproxy = await startHaproxy(t, vendor, good);
    const gateway = await gatewayAt(t, haproxy);
    const running = gateway.chat({ model: "secure/m", stream: true });
    await vendor.request(0);
    haproxy.signal("SIGUSR1");
    await eventually(async () => (await gateway.chat({ model: "plain/m" })).status === 502, "HAProxy to take no further connections");
    go.resolve();
    const answer = await running;
    assert.equal(answer.text, streamText());
    assert.ok(answer.clean);
  });
});
