// Keys that are made while the gateway runs, by its admin API and by the command line beside it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, run } from "./support/gateway.mjs";
import { ask, stateDirectory } from "./support/ledger.mjs";

const sha256 = (text) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const kConfigured = { name: "configured", hash: sha256("configured") };

async function start(t, more = {}) {
  return Gateway.start(t, {
    providers: { default: "demo", demo: {} }, server: { threads: 4, limits: { auth_failures: 0 } }, keys: [kConfigured], admin: { listen: "127.0.0.1:0" }, ...more,
  });
}
const status = async (gateway, secret, body = {}) =>
  (await gateway.chat({ model: "demo-1", max_tokens: 5, ...body }, { authorization: `Bearer ${secret}` })).status;
async function call(gateway, method, path, body) {
  const answer = await gateway.admin(method, path, body);
  return { status: answer.status, ...(answer.text ? answer.json() : {}) };
}
async function create(gateway, body) {
  const made = await call(gateway, "POST", "keys", body);
  assert.equal(made.status, 201, JSON.stringify(made));
  assert.match(made.secret, /^sk-tg-[\w-]{43}$/);
  return made;
}

describe("the admin API", () => {
  test("makes a key that works at once, and tells its secret this once", async (t) => {
    const gateway = await start(t);
    const made = await create(gateway, { name: "a", team: "web", tags: ["x"], limits: { rpm: 100 }, budget: { usd: 5, per: "day" } });
    for (let i = 0; i < 8; ++i) assert.equal(await status(gateway, made.secret), 200);
    assert.equal(await status(gateway, "configured"), 200);
    assert.equal(await status(gateway, "neither"), 401);
    const { secret, ...shown } = made;
    assert.deepEqual(await call(gateway, "GET", "keys/a"), { ...shown, status: 200 });
    const { data } = await call(gateway, "GET", "keys");
    assert.deepEqual(data.map((key) => [key.name, key.source]), [["a", "run_time"], ["configured", "config"]]);
    assert.ok(!JSON.stringify(data).includes("sha256"));
    assert.ok(!gateway.log.includes(secret));
    assert.deepEqual(ask2(gateway, "SELECT name, hash FROM keys"), [{ name: "a", hash: sha256(secret) }]);
  });

  test("switches a key off on all workers before it answers, and on again", async (t) => {
    const gateway = await start(t);
    const { secret } = await create(gateway, { name: "a" });
    for (let round = 0; round < 5; ++round) {
      assert.equal((await call(gateway, "PATCH", "keys/a", { enabled: false })).enabled, false);
      const off = await Promise.all(Array.from({ length: 12 }, () => status(gateway, secret)));
      assert.deepEqual([...new Set(off)], [401]);
      assert.equal((await call(gateway, "PATCH", "keys/a", { enabled: true })).enabled, true);
      const on = await Promise.all(Array.from({ length: 12 }, () => status(gateway, secret)));
      assert.deepEqual([...new Set(on)], [200]);
    }
  });

  test("rotates a secret, with and without an overlap", async (t) => {
    const gateway = await start(t);
    const first = await create(gateway, { name: "a" });
    const second = await call(gateway, "POST", "keys/a/rotate", { overlap: "1h" });
    assert.notEqual(second.secret, first.secret);
    assert.ok(Date.parse(second.previous_valid_until) > Date.now() + 3_500_000);
    assert.deepEqual([await status(gateway, first.secret), await status(gateway, second.secret)], [200, 200]);
    const third = await call(gateway, "POST", "keys/a/rotate", { overlap: "0" });
    assert.deepEqual(await Promise.all([first, second, third].map((one) => status(gateway, one.secret))), [401, 401, 200]);
  });

  test("changes what a key may do while it is used", async (t) => {
    const gateway = await start(t, { cost: { prices: { "demo/demo-1": { input: 0, cache_write: 0, output: 1000 } } } });
    const { secret } = await create(gateway, { name: "a", budget: { usd: "0.004", per: "total" } });
    assert.equal(await status(gateway, secret), 429);
    const changed = await call(gateway, "PATCH", "keys/a", { budget: { usd: 5, per: "total" }, models: ["demo/other"], team: "t" });
    assert.deepEqual(changed.budget, { usd: "5", per: "total" });
    assert.equal(await status(gateway, secret), 403);
    await call(gateway, "PATCH", "keys/a", { models: [], expires: "2020-01-01" });
    assert.equal(await status(gateway, secret), 401);
    await call(gateway, "PATCH", "keys/a", { expires: null, limits: { rpm: 1 } });
    assert.deepEqual([await status(gateway, secret), await status(gateway, secret)], [200, 429]);
  });

  test("takes a key away for good", async (t) => {
    const gateway = await start(t);
    const { secret } = await create(gateway, { name: "a" });
    assert.deepEqual(await call(gateway, "DELETE", "keys/a"), { status: 200, name: "a", deleted: true });
    assert.equal(await status(gateway, secret), 401);
    assert.equal((await call(gateway, "DELETE", "keys/a")).status, 404);
  });

  test("says what is wrong", async (t) => {
    const gateway = await start(t);
    await create(gateway, { name: "a" });
    const wrong = [
      ["POST", "keys", { name: "a" }, 409], ["POST", "keys", { name: "configured" }, 409], ["POST", "keys", {}, 400],
      ["POST", "keys", { name: "b", budgte: 1 }, 400], ["PATCH", "keys/a", { budget: 5 }, 400], ["PATCH", "keys/configured", { enabled: false }, 404],
      ["GET", "keys/none", undefined, 404], ["POST", "keys/a/rotate", { overlap: "soon" }, 400], ["GET", "keys?limit=0", undefined, 400],
      ["PUT", "keys/a", {}, 405],
    ];
    for (const [method, path, body, expected] of wrong) {
      const answer = await call(gateway, method, path, body);
      assert.equal(answer.status, expected, `${method} ${path}: ${JSON.stringify(answer)}`);
      assert.ok(answer.error.message.length > 10);
    }
  });

  test("lists many keys in pages", async (t) => {
    const gateway = await start(t);
    for (const name of ["c", "a", "b", "z"]) await create(gateway, { name });
    const first = await call(gateway, "GET", "keys?limit=3");
    assert.deepEqual([first.data.map((key) => key.name), first.has_more], [["a", "b", "c"], true]);
    const second = await call(gateway, "GET", "keys?limit=3&after=c");
    assert.deepEqual([second.data.map((key) => key.name), second.has_more], [["configured", "z"], false]);
  });
});

/// Rows of the file of keys.
const ask2 = (gateway, sql) => ask(gateway.dir, sql, "keys.sqlite");

describe("the command line", () => {
  const keys = (gateway, ...args) => run(["keys", ...args, "-c", gateway.configPath]);
  const json = async (gateway, ...args) => {
    const { code, stdout, stderr } = await keys(gateway, ...args, "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  test("changes the keys of a gateway that runs", async (t) => {
    const gateway = await start(t);
    const { secret } = await json(gateway, "create", "a", "--team", "web", "--budget", "20/week", "--rpm", "100000");
    const becomes = (wanted) => eventually(async () => (await status(gateway, secret)) === wanted, `${wanted}`);
    await becomes(200);
    assert.equal((await json(gateway, "disable", "a")).enabled, false);
    await becomes(401);
    await json(gateway, "enable", "a");
    await becomes(200);
    const rotated = await json(gateway, "rotate", "a", "--overlap", "0");
    await becomes(401);
    assert.equal(await status(gateway, rotated.secret), 200);
    assert.equal((await keys(gateway, "revoke", "a")).code, 0);
    await eventually(async () => (await status(gateway, rotated.secret)) === 401, "the end of the key");
  });

  test("shows aligned columns without secrets", async (t) => {
    const gateway = await start(t);
    const made = await keys(gateway, "create", "a", "--models", "smart,openai/*", "--expires", "30d");
    const secret = /^sk-tg-\S+$/m.exec(made.stdout)[0];
    assert.match(made.stderr, /will not be shown again/);
    const { stdout } = await keys(gateway, "list");
    const [head, ...rows] = stdout.trimEnd().split("\n");
    assert.match(head, /^NAME +STATE +SOURCE +TEAM +MODELS +BUDGET +LIMITS +EXPIRES$/);
    assert.deepEqual(rows.map((row) => row.split(/ {2,}/).slice(0, 3)), [["configured", "ready", "config"], ["a", "ready", "run time"]]);
    assert.equal(rows[0].indexOf("ready"), rows[1].indexOf("ready"));
    assert.ok(!stdout.includes(secret));
  });

  test("makes secrets for the configuration as well", async () => {
    const { stdout } = await run(["keys", "create", "--for-config", "--json"]);
    const { secret, hash } = JSON.parse(stdout);
    assert.equal(hash, sha256(secret));
  });

  test("refuses what it does not understand", async (t) => {
    const gateway = await start(t);
    for (const [args, code, text] of [
      [["create"], 2, /wants the name/], [["create", "a b"], 2, /'a b'/], [["create", "a", "--rpm", "x"], 2, /rpm:/], [["grant", "a"], 2, /usage/],
      [["disable", "a"], 1, /no key was made/], [["create", "configured"], 1, /in the configuration/], [["set", "a"], 2, /wants a setting/],
    ]) {
      const ended = await keys(gateway, ...args);
      assert.equal(ended.code, code, `${args}: ${ended.stderr}`);
      assert.match(ended.stderr, text);
    }
  });
});

test("keys survive a restart, with what their budgets have spent", async (t) => {
  const state_dir = stateDirectory(t);
  const more = { state_dir, cost: { prices: { "demo/demo-1": { input: 0, cache_write: 0, output: 1000 } } } };
  const first = await start(t, more);
  const { secret } = await create(first, { name: "a", budget: { usd: "0.012", per: "total" } });
  assert.equal(await status(first, secret), 200);
  const answer = await first.chat({ model: "demo-1", max_tokens: 5 }, { authorization: `Bearer ${secret}` });
  assert.equal(answer.status, 200);
  await first.settled();
  const spent = await first.metric("tollgate_budget_spent_usd", { name: "a" });
  first.signal("SIGKILL");
  await first.exited();
  const second = await start(t, more);
  assert.ok(Math.abs((await second.metric("tollgate_budget_spent_usd", { name: "a" })) - spent) < 1e-12);
  assert.equal(await status(second, secret, { max_tokens: 100 }), 429);
});

test("with the first key every caller needs one, and that stays so when the last is gone", async (t) => {
  const gateway = await start(t, { keys: [] });
  assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  assert.equal((await call(gateway, "PATCH", "keys/a", {})).status, 404);
  assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  await create(gateway, { name: "a" });
  assert.equal((await gateway.chat({ model: "demo-1" })).status, 401);
  await call(gateway, "DELETE", "keys/a");
  assert.equal((await gateway.chat({ model: "demo-1" })).status, 401);
});

test("a file of keys that cannot be read lets nobody in, and is told", async (t) => {
  const state_dir = stateDirectory(t);
  writeFileSync(join(state_dir, "keys.sqlite"), "x".repeat(5000));
  const gateway = await start(t, { keys: [], state_dir });
  await gateway.logged((line) => line.event === "cannot read the keys made at run time", "the trouble");
  assert.equal((await gateway.chat({ model: "demo-1" })).status, 401);
  assert.equal((await call(gateway, "POST", "keys", { name: "a" })).status, 503);
});

test("a key's list of models is what it may use", async (t) => {
  const allows = (name, models) => ({ name, hash: sha256(name), models });
  const gateway = await start(t, {
    providers: { default: "demo", demo: { models: ["demo-1", "demo-mini"] }, second: { type: "demo", models: ["demo-1"] } },
    models: { smart: { chain: ["demo/demo-mini", "second/demo-1"] }, plain: { chain: ["demo/demo-1"] } },
    keys: [allows("all", []), allows("one", ["demo/demo-mini"]), allows("alias", ["plain"]), allows("provider", ["second/*"]), allows("bare", ["demo-mini"])],
  });
  const list = async (key) => {
    const answer = await gateway.get("/v1/models", { authorization: `Bearer ${key}` });
    return answer.json().data.map((model) => model.id).filter((id) => !/embed|reasoner|second.demo-mini/.test(id)).sort();
  };
  const shows = async (key, id) => (await gateway.get(`/v1/models/${id}`, { authorization: `Bearer ${key}` })).status === 200;
  const all = await list("all");
  assert.ok(["smart", "plain", "demo/demo-1", "demo/demo-mini", "second/demo-1"].every((id) => all.includes(id)), `${all}`);
  const automatic = ["auto", "auto/best", "auto/cheap", "auto/fast"]; // each key may use something behind them
  assert.deepEqual(await list("one"), [...automatic, "demo/demo-mini", "smart"]);
  assert.deepEqual(await list("alias"), [...automatic, "plain"]);
  assert.deepEqual(await list("provider"), [...automatic, "second/demo-1", "smart"]);
  // What is listed can be asked for, and nothing else.
  for (const key of ["all", "one", "alias", "provider"]) {
    const may = await list(key);
    for (const id of ["smart", "plain", "demo/demo-1", "demo/demo-mini", "second/demo-1"]) {
      const asked = await status(gateway, key, { model: id });
      assert.equal(asked, may.includes(id) ? 200 : 403, `${key} ${id}`);
      assert.equal(await shows(key, id), may.includes(id), `${key} ${id}`);
    }
  }
  assert.ok(await shows("bare", "demo-mini"));
  assert.ok(!(await shows("bare", "demo-1")));
});
