// The command line, starting up, and what must never be printed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Gateway, compat, run } from "./support/gateway.mjs";
import { request } from "./support/http.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

/// A folder with a file in it, gone after the test.
function file(t, text, name = "tollgate.yaml") {
  const dir = mkdtempSync(join(tmpdir(), "tollgate-cli-"));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, name), text);
  return { dir, path: join(dir, name) };
}

const good = `
server:
  listen: ["127.0.0.1:0"]
providers:
  default: openai
  openai: {api_key: "\${OPENAI_API_KEY}"}
  demo: {}
models:
  smart: {chain: [openai/gpt-4o, demo/demo-1]}
`;
const bad = `server:
  listen: ["127.0.0.1:99999"]
  timeuots: {idle: 5s}
providers:
  openai: {api_key: "\${NOT_SET_ANYWHERE}", enabled: true}
  my_vllm: {type: openai_compat, base_url: "ftp://x"}
failover:
  retries: many
keys:
  - {name: a, hash: "sha256:abc"}
`;

describe("tollgate check", () => {
  test("says so when all is well, and exits with 0", async (t) => {
    const { path } = file(t, good);
    const { code, stdout, stderr } = await run(["check", "-c", path], { env: { OPENAI_API_KEY: "sk-secret-1" } });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /ok/);
    assert.ok(!(stdout + stderr).includes("sk-secret-1"));
  });

  test("lists every problem with file:line:column, and exits with 1", async (t) => {
    const { path } = file(t, bad);
    const { code, stdout } = await run(["check", `--config=${path}`]);
    assert.equal(code, 1);
    const lines = stdout.split("\n").filter((line) => line.startsWith("error: "));
    const at = (line, text) => assert.ok(lines.some((one) => one.startsWith(`error: ${path}:${line}:`) && text.test(one)), `line ${line} ${text}:\n${stdout}`);
    at(2, /server\.listen/);
    at(3, /timeuots.*timeouts/);
    at(5, /NOT_SET_ANYWHERE/);
    at(6, /base_url/);
    at(8, /retries/);
    at(10, /hash/);
    assert.ok(lines.every((line) => /:\d+:\d+: /.test(line)), stdout);
  });

  test("tells the same as JSON", async (t) => {
    const { path } = file(t, bad);
    const { code, stdout } = await run(["check", "-c", path, "--json"]);
    assert.equal(code, 1);
    const report = JSON.parse(stdout);
    assert.equal(report.ok, false);
    assert.ok(report.problems.length >= 6);
    const typo = report.problems.find((problem) => problem.path.includes("timeuots"));
    assert.deepEqual([typo.file, typo.line, typo.column], [path, 3, 3]);
    const fine = JSON.parse((await run(["check", "--json", "-c", file(t, good).path], { env: { OPENAI_API_KEY: "x" } })).stdout);
    assert.equal(fine.ok, true);
    assert.deepEqual(fine.problems, []);
    assert.ok(Array.isArray(fine.warnings));
  });

  test("warns of a provider that has no key, without refusing the file", async (t) => {
    const { path } = file(t, good);
    const { code, stdout } = await run(["check", "-c", path]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /warning: .*:6:\d+: .*openai/);
  });

  test("refuses what it cannot read", async (t) => {
    for (const [text, says] of [["providers: {a: [", /:1:\d+/], ["- a list\n", /mapping/], ["\u0000", /tollgate\.yaml/]]) {
      const { code, stdout } = await run(["check", "-c", file(t, text).path]);
      assert.equal(code, 1, JSON.stringify(text));
      assert.match(stdout, says);
    }
    const missing = await run(["check", "-c", "/nonexistent/tollgate.yaml"]);
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /nonexistent/);
  });

  test("refuses to serve others without keys", async (t) => {
    const { path } = file(t, 'server: {listen: ["0.0.0.0:4000"]}\nproviders: {demo: {}}\n');
    const { code, stdout } = await run(["check", "-c", path]);
    assert.equal(code, 1);
    assert.match(stdout, /:1:\d+: server\.listen.*keys/);
  });
});

describe("the command line", () => {
  test("prints the version, and help", async () => {
    for (const argument of ["version", "--version"]) assert.match((await run([argument])).stdout, /^tollgate \d+\.\d+\.\d+\n$/);
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    for (const word of ["serve", "check", "--config", "--listen"]) assert.ok(help.stdout.includes(word));
  });

  test("exits with 2 and a sentence for arguments it does not know", async () => {
    for (const args of [["--prot=1"], ["serv"], ["check", "extra"], ["-c"], ["serve", "--listen"]]) {
      const { code, stderr, stdout } = await run(args);
      assert.equal(code, 2, args.join(" "));
      assert.match(stderr, /^tollgate: .+\n$/);
      assert.equal(stdout, "");
    }
  });

  test("serve refuses a bad file with all its problems, and exits with 1", async (t) => {
    const { path } = file(t, bad);
    const { code, stderr } = await run(["serve", "-c", path]);
    assert.equal(code, 1);
    for (const line of [2, 3, 5, 6, 8, 10]) assert.match(stderr, new RegExp(`${path}:${line}:`));
  });

  test("serve says clearly that a port is taken", async (t) => {
    const taken = net.createServer();
    await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
    t.after(() => taken.close());
    const { port } = taken.address();
    const { path } = file(t, "providers: {demo: {}}\n");
    const { code, stderr } = await run(["serve", "-c", path, "--listen", `127.0.0.1:${port}`]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}.*in use`));
    const first = await Gateway.start(t);
    const second = await run(["serve", "-c", path, `--listen=127.0.0.1:${first.port}`]);
    assert.equal(second.code, 1, "nor do two gateways share a port by accident");
    assert.match(second.stderr, /in use/);
  });

  test("--listen replaces the file's addresses, and may be a UNIX socket", async (t) => {
    const { dir } = file(t, "");
    const path = join(dir, "t.sock");
    const gateway = await Gateway.start(t, { providers: { demo: {} } }, { args: ["--listen", "127.0.0.1:0", `--listen=unix:${path}`] });
    const socket = net.connect(path);
    t.after(() => socket.destroy());
    socket.write("GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const piece of socket) text += piece;
    assert.match(text, /^HTTP\/1\.1 200 OK/);
    assert.ok(gateway.lines.some((line) => line.address === `unix:${path}`));
  });
});

describe("starting without a file", () => {
  test("serves the demo vendor", async (t) => {
    const gateway = await Gateway.start(t, null, { args: ["--listen", "127.0.0.1:0"] });
    const response = await gateway.chat({ model: "demo-1" });
    assert.equal(response.status, 200, response.text);
    const ids = (await gateway.get("/v1/models")).json().data.map((model) => model.id);
    assert.ok(ids.includes("demo/demo-1"));
    assert.ok(!ids.some((id) => id.startsWith("openai/")));
  });

  test("finds vendors by the keys in the environment, at the addresses that their users set", async (t) => {
    const upstream = await FakeUpstream.start(t, (incoming) => incoming.reply(401, { error: { message: "bad key" } }));
    const gateway = await Gateway.start(t, null, {
      args: ["--listen", "127.0.0.1:0"],
      env: { OPENAI_API_KEY: "sk-from-environment", OPENAI_BASE_URL: `${upstream.url}/v1` },
    });
    const response = await gateway.chat({ model: "openai/gpt-4o" });
    assert.equal(upstream.last.headers.authorization, "Bearer sk-from-environment");
    assert.equal(response.status, 502);
    assert.ok(!(gateway.log + response.text).includes("sk-from-environment"));
  });

  test("finds ./tollgate.yaml and $TOLLGATE_CONFIG", async (t) => {
    const { dir, path } = file(t, "providers: {demo: {default_model: demo-mini}}\n");
    for (const how of [{ cwd: dir }, { env: { TOLLGATE_CONFIG: path } }]) {
      const { code, stdout } = await run(["check"], how);
      assert.equal(code, 0);
      assert.match(stdout, /tollgate\.yaml: ok/);
    }
    assert.match((await run(["check"])).stdout, /no configuration file: ok/);
  });
});

describe("secrets", () => {
  test("are in no output: check, log, metrics, errors, headers", async (t) => {
    const secret = "sk-very-secret-word-of-a-team";
    const { dir } = file(t, `${secret}-file\n`, "key");
    const quoting = (incoming) => ({ error: { message: `I was sent ${incoming.headers.authorization.slice(7)} and ${incoming.headers["x-secret"]}` } });
    const upstream = await FakeUpstream.start(t, (incoming) => incoming.reply(Number(/\d{3}/.exec(incoming.text)?.[0] ?? 401), quoting(incoming)));
    const settings = {
      providers: {
        plain: compat(upstream, { api_key: secret, headers: { "X-Secret": `${secret}-header` } }),
        filed: compat(upstream, { api_key: `file:${dir}/key` }),
        environed: compat(upstream, { api_key: "${MY_KEY}" }),
        proxied: compat(upstream, { api_key: secret, proxy: `http://user:${secret}-proxy@127.0.0.1:1` }),
        aws: { type: "bedrock", region: "us-east-1", base_url: upstream.url, aws: { access_key_id: "AKIDEXAMPLE", secret_access_key: `${secret}-aws` } },
      },
      logging: { level: "debug" },
      failover: { retries: 0 },
    };
    const gateway = await Gateway.start(t, settings, { env: { MY_KEY: `${secret}-env` } });
    let seen = "";
    for (const name of ["plain", "filed", "environed", "proxied", "aws"]) {
      for (const status of name === "plain" ? [200, 400, 401, 403, 429, 500] : [401]) {
        const response = await gateway.chat({ model: `${name}/m`, messages: [{ role: "user", content: `${status}` }] }, { authorization: "Bearer caller-secret-42" });
        assert.ok(response.status >= 400);
        seen += response.raw + response.text;
      }
    }
    assert.equal(upstream.requests[6].headers.authorization, `Bearer ${secret}-file`);
    assert.equal(upstream.requests[7].headers.authorization, `Bearer ${secret}-env`);
    seen += (await request(gateway.port, { path: "/metrics" })).text;
    seen += (await gateway.get("/v1/models")).text;
    await gateway.logged((line) => line.event === "the vendor's list of models did not come" && line.provider === "plain", "the vendor's refusal");
    for (const args of [["check", "-c", gateway.configPath], ["check", "--json", "-c", gateway.configPath]]) {
      const { stdout, stderr } = await run(args, { env: { MY_KEY: `${secret}-env` } });
      seen += stdout + stderr;
    }
    const broken = await run(["check", "-c", file(t, `providers:\n  a: {type: openai_compat, api_key: ["${secret}", {x: "${secret}"}], proxy: "gopher://u:${secret}@h"}\nkeys: [{name: k, hash: "${secret}"}]\n`).path]);
    assert.equal(broken.code, 1);
    seen += broken.stdout;
    await gateway.stop();
    seen += gateway.log + gateway.stdout;
    for (const word of [secret, "caller-secret-42"]) {
      const at = seen.indexOf(word);
      assert.ok(at < 0, `found in: …${seen.slice(Math.max(0, at - 200), at + 60)}…`);
    }
  });
});
