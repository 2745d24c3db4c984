// Which models there are: the configuration's, the vendors' own lists, the catalog's.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, run } from "./support/gateway.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

/// A vendor whose list a test can change; `asked` counts how often it was wanted.
async function vendor(t) {
  const state = { status: 200, body: { data: [{ id: "of-today" }, { id: "shared" }] }, asked: [] };
  const upstream = await FakeUpstream.start(t, (incoming) => {
    if (incoming.method !== "GET") return incoming.reply(404, {});
    state.asked.push(incoming);
    return incoming.reply(state.status, state.body);
  });
  return Object.assign(state, { upstream });
}
const config = (state, more = {}) => ({
  providers: {
    mine: { type: "openai", base_url: `${state.upstream.url}/v1`, api_key: "sk-mine", models: ["shared", "of-mine"], default_model: "of-mine" },
    demo: {},
  },
  models: { smart: "mine/shared" },
  ...more,
});
async function ids(gateway) {
  return (await gateway.get("/v1/models")).json().data.map(({ id }) => id);
}

describe("GET /v1/models", () => {
  test("shows the catalog's models until the vendor's own list has come, then that", async (t) => {
    const state = await vendor(t);
    const gateway = await Gateway.start(t, config(state));
    const first = await ids(gateway);
    assert.deepEqual(first[0], "smart");
    for (const id of ["mine/of-mine", "mine/shared", "mine/gpt-4o", "demo/demo-1"]) assert.ok(first.includes(id), id);
    assert.ok(!first.some((id) => id.includes("whisper") || id.includes("dall-e")), "only what can be asked for");
    const later = await eventually(async () => {
      const now = await ids(gateway);
      return now.includes("mine/of-today") && now;
    }, "the vendor's list");
    assert.deepEqual(later.filter((id) => id.startsWith("mine/")), ["mine/of-mine", "mine/of-today", "mine/shared"]);
    assert.equal((await gateway.get("/v1/models/of-today")).json().owned_by, "mine");
    assert.equal(state.asked.length, 1, "once within catalog_refresh");
    assert.equal(state.asked[0].target, "/v1/models");
    assert.equal(state.asked[0].headers.authorization, "Bearer sk-mine");
  });

  test("keeps the last list when the vendor fails, and asks again", async (t) => {
    const state = await vendor(t);
    const gateway = await Gateway.start(t, config(state, { catalog_refresh: "1s" }));
    await eventually(async () => (await ids(gateway)).includes("mine/of-today"), "the vendor's list");
    state.status = 500;
    const from = gateway.lines.length;
    await eventually(async () => {
      await ids(gateway);
      return state.asked.length > 1;
    }, "the next fetch");
    await gateway.logged((line) => line.event === "the vendor's list of models did not come" && line.provider === "mine", "the failure", from);
    assert.ok((await ids(gateway)).includes("mine/of-today"));
    state.status = 200;
    state.body = { data: [{ id: "of-tomorrow" }] };
    await eventually(async () => (await ids(gateway)).includes("mine/of-tomorrow"), "the list of tomorrow");
    assert.ok(!(await ids(gateway)).includes("mine/of-today"));
  });

  test("asks nobody where that is switched off", async (t) => {
    const state = await vendor(t);
    const gateway = await Gateway.start(t, config(state, { catalog_refresh: "off" }));
    assert.ok((await ids(gateway)).includes("mine/gpt-4o"));
    assert.equal((await gateway.chat({ model: "mine/of-mine" })).status, 404);
    assert.equal(state.asked.length, 0);
  });

  test("a vendor that never answers holds up neither the list nor the end", async (t) => {
    const silent = await FakeUpstream.start(t, () => {});
    const gateway = await Gateway.start(t, config({ upstream: silent }));
    assert.ok((await ids(gateway)).includes("mine/gpt-4o"));
    await eventually(() => silent.requests.length > 0, "the fetch");
    const began = performance.now();
    await gateway.stop();
    assert.ok(performance.now() - began < 5000, "it does not wait for the vendor");
  });
});

describe("the auto-router's names", { concurrency: 3 }, () => {
  const kNames = ["auto", "auto/cheap", "auto/fast", "auto/best"];
  const automatic = (listed) => listed.filter((id) => id.startsWith("auto"));
  const hash = (secret) => `sha256:${createHash("sha256").update(secret).digest("hex")}`;

  test("are listed as models of the gateway, and shown one by one", async (t) => {
    const gateway = await Gateway.start(t, { providers: { demo: {} }, models: { smart: "demo/demo-1" } });
    const listed = (await gateway.get("/v1/models")).json().data;
    assert.deepEqual(listed.slice(0, 5).map(({ id }) => id), ["smart", ...kNames]);
    for (const id of kNames) {
      const { created, ...rest } = (await gateway.get(`/v1/models/${id}`)).json();
      assert.deepEqual(rest, { id, object: "model", owned_by: "tollgate" });
      assert.ok(Number.isInteger(created));
    }
    assert.equal((await gateway.get("/v1/models/auto/clever")).status, 404);
    const { stdout } = await run(["models", "list", "--json", "-c", gateway.configPath]);
    assert.deepEqual(automatic(JSON.parse(stdout).map(({ id }) => id)), kNames);
    const shown = await run(["models", "show", "auto/best", "-c", gateway.configPath]);
    assert.deepEqual([shown.code, shown.stdout.split("\n")[0]], [0, "auto/best"]);
  });

  test("are listed to the keys that may use them or a model behind them", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: { demo: {} },
      models: { smart: "demo/demo-1" },
      keys: [
        { name: "all", hash: hash("all") },
        { name: "cheap", hash: hash("cheap"), models: ["auto/cheap"] },
        { name: "smart", hash: hash("smart"), models: ["smart"] },
        { name: "none", hash: hash("none"), models: ["other/model"] },
      ],
    });
    const listed = async (secret) =>
      automatic((await gateway.get("/v1/models", { authorization: `Bearer ${secret}` })).json().data.map(({ id }) => id));
    assert.deepEqual(await listed("all"), kNames);
    assert.deepEqual(await listed("cheap"), ["auto/cheap"]);
    assert.deepEqual(await listed("smart"), kNames);
    assert.deepEqual(await listed("none"), []);
  });

  test("are not listed where nothing can be chosen", async (t) => {
    const gateway = await Gateway.start(t, { providers: { demo: {} }, router: { deny: ["demo/*"] } });
    assert.deepEqual(automatic(await ids(gateway)), []);
    const { stdout } = await run(["models", "list", "--json", "-c", gateway.configPath]);
    assert.deepEqual(automatic(JSON.parse(stdout).map(({ id }) => id)), []);
  });
});

test("tollgate models list --live asks the vendors", async (t) => {
  const state = await vendor(t);
  const gateway = await Gateway.start(t, config(state));
  const listed = async (...more) =>
    JSON.parse((await run(["models", "list", "--json", "--provider", "mine", "-c", gateway.configPath, ...more])).stdout).map(({ id }) => id);
  assert.ok((await listed()).includes("mine/gpt-4o"));
  assert.deepEqual(await listed("--live"), ["mine/of-mine", "mine/of-today", "mine/shared"]);
  state.status = 401;
  const { code, stdout, stderr } = await run(["models", "list", "--live", "--provider", "mine", "-c", gateway.configPath]);
  assert.equal(code, 0);
  assert.match(stderr, /the list of mine did not come/);
  assert.match(stdout, /mine\/gpt-4o/);
});
