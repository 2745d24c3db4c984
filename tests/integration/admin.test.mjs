// The admin API: who may reach it, and what it tells.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { Gateway } from "./support/gateway.mjs";
import { request } from "./support/http.mjs";

const kKey = "an admin key for the tests";
const sha256 = (text) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const kProviders = { default: "demo", demo: {} };

describe("where the admin API is", () => {
  test("nowhere unless it is configured", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders });
    for (const method of ["GET", "POST"]) {
      const answer = await gateway.admin(method, "config");
      assert.equal(answer.status, 404);
      assert.match(answer.json().error.message, /nothing at \/admin\/v1\/config/);
    }
  });

  test("on the main listeners with the key and not without", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, admin: { key_hash: sha256(kKey) } });
    assert.equal((await gateway.admin("GET", "config")).status, 401);
    assert.equal((await gateway.admin("GET", "config", undefined, { key: "another" })).status, 401);
    assert.equal((await gateway.admin("GET", "config", undefined, { key: kKey })).status, 200);
    const other = await gateway.admin("GET", "config", undefined, { headers: { "x-api-key": kKey } });
    assert.equal(other.status, 200);
  });

  test("a caller's key does not open it", async (t) => {
    const keys = [{ name: "a", hash: sha256("caller") }];
    const gateway = await Gateway.start(t, { providers: kProviders, keys, admin: { key_hash: sha256(kKey) } });
    assert.equal((await gateway.admin("GET", "config", undefined, { key: "caller" })).status, 401);
    assert.equal((await gateway.chat({ model: "demo-1" }, { authorization: `Bearer ${kKey}` })).status, 401);
  });

  test("on its own listener alone where it has one", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: kProviders, admin: { listen: "127.0.0.1:0", key_hash: sha256(kKey) },
    });
    assert.equal((await gateway.admin("GET", "providers", undefined, { key: kKey })).status, 200);
    const headers = { authorization: `Bearer ${kKey}` };
    assert.equal((await gateway.get("/admin/v1/providers", headers)).status, 404);
    assert.equal((await request(gateway.adminPort, { path: "/v1/models", headers })).status, 404);
    assert.equal((await request(gateway.adminPort, { path: "/health/live" })).status, 200);
  });

  test("without a key, programs of this machine may call its own listener and browsers may not", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, admin: { listen: "127.0.0.1:0" } });
    assert.equal((await gateway.admin("GET", "config")).status, 200);
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "none" }, { host: "evil.example" }]) {
      assert.equal((await gateway.admin("POST", "reload", undefined, { headers })).status, 403, JSON.stringify(headers));
    }
  });

  test("wrong admin keys from one address are limited, and then the right one too", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, admin: { key_hash: sha256(kKey) } });
    const seen = [];
    for (let i = 0; i < 30; ++i) seen.push(await gateway.admin("GET", "config", undefined, { key: `guess ${i}` }));
    assert.equal(seen[0].status, 401);
    const last = seen.at(-1);
    // A minute may turn in between; then it takes ten more.
    assert.equal(last.status, 429);
    assert.ok(Number(last.headers["retry-after"]) >= 1 && Number(last.headers["retry-after"]) <= 60);
    assert.equal((await gateway.admin("GET", "config", undefined, { key: kKey })).status, 429);
    assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  });
});

describe("what it tells", () => {
  test("the configuration as written, without secrets", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: { ...kProviders, openai: { api_key: "sk-very-secret", default_model: "gpt-x" } },
      keys: [{ name: "a", hash: sha256("caller") }],
      admin: { key_hash: sha256(kKey) },
    });
    const answer = await gateway.admin("GET", "config", undefined, { key: kKey });
    const json = answer.json();
    const text = answer.text;
    assert.equal(json.settings["providers.openai.default_model"], "gpt-x");
    assert.equal(json.settings["providers.openai.api_key"], "***");
    assert.equal(json.keys, 1);
    for (const secret of ["sk-very-secret", sha256(kKey).slice(7), sha256("caller").slice(7)]) assert.ok(!text.includes(secret));
  });

  test("the providers and which is the default", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: { ...kProviders, openai: {} }, admin: { listen: "127.0.0.1:0" },
    });
    const json = (await gateway.admin("GET", "providers")).json();
    const demo = json.data.find((one) => one.name === "demo");
    const openai = json.data.find((one) => one.name === "openai");
    assert.equal(demo.state, "ready");
    assert.equal(demo.is_default, true);
    assert.deepEqual([demo.kind, demo.region, openai.kind, openai.region], ["builtin", "any", "cloud", "overseas"]);
    assert.equal(openai.state, "no key");
    assert.match(openai.problem, /API key/);
  });

  test("a reload says what it did, and a bad file changes nothing", async (t) => {
    const config = { providers: kProviders, admin: { listen: "127.0.0.1:0" } };
    const gateway = await Gateway.start(t, config);
    gateway.writeConfig({ ...config, models: { fresh: "demo/demo-1" } });
    assert.deepEqual((await gateway.admin("POST", "reload")).json(), { applied: true, problems: [] });
    assert.equal((await gateway.chat({ model: "fresh" })).status, 200);
    gateway.writeConfig({ ...config, nonsense: 1 });
    const refused = await gateway.admin("POST", "reload");
    assert.equal(refused.status, 409);
    assert.match(refused.json().problems[0], /nonsense: unknown key/);
    assert.equal((await gateway.chat({ model: "fresh" })).status, 200);
  });

  test("paths and methods that it does not have", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, admin: { listen: "127.0.0.1:0" } });
    assert.equal((await gateway.admin("GET", "nothing")).status, 404);
    const wrong = await gateway.admin("GET", "reload");
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.allow, "POST");
  });
});
