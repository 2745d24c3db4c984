// The program under test as a child process.  Each test starts its own, on ports of the system's choice.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deferred, eventually, kPatience, within } from "./bounded.mjs";
import { request } from "./http.mjs";

export const kBinary =
  process.env.TOLLGATE_BIN ?? fileURLToPath(new URL("../../../build/release/tollgate", import.meta.url));

/// What the sanitizers and coverage need; vendor keys and proxies of the surroundings stay out.
function cleanEnvironment(home, extra) {
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|LANG|LC_.*|[A-Z]+SAN_OPTIONS|LLVM_PROFILE_FILE)$/.test(name));
  return { ...Object.fromEntries(kept), HOME: home, ...extra };
}

/// Runs the program to its end: {code, stdout, stderr}.
export function run(args, { env = {}, cwd = tmpdir(), signal } = {}) {
  const child = spawn(kBinary, args, { env: cleanEnvironment(cwd, env), cwd, stdio: ["ignore", "pipe", "pipe"], signal });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (out[name] += text));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code) => resolve({ code, ...out }));
  });
  return within(ended, `tollgate ${args.join(" ")} to end`).finally(() => child.kill("SIGKILL"));
}

/// An OpenAI-shaped provider at a fake upstream.
export const compat = (upstream, more = {}) => ({
  type: "openai_compat",
  api_key: "sk-upstream",
  base_url: `${upstream.url}/v1`,
  default_model: "m",
  ...more,
});

export class Gateway {
  /// Starts it and waits until it is ready.  `t` (a test context) stops it, however the test ends.
  ///   config    object, or text of a YAML file; null: none.  server.listen is filled in where it is missing.
  ///   env, args for the process
  static async start(t, config = { providers: { demo: {} } }, { env = {}, args = [] } = {}) {
    const gateway = new Gateway(env);
    t.after(() => gateway.dispose());
    await gateway.#launch(config, args);
    return gateway;
  }

  #env;
  #child;
  #exit;
  #partial = "";
  #stopped = false;
  stdout = "";
  lines = []; // of the log, parsed where they are JSON
  port = 0;
  ports = []; // of all the addresses in server.listen
  metricsPort = 0;
  adminPort = 0;

  constructor(env) {
    this.#env = env;
    this.dir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
    this.configPath = join(this.dir, "tollgate.yaml");
  }

  get baseURL() {
    return `http://127.0.0.1:${this.port}/v1`;
  }
  get pid() {
    return this.#child.pid;
  }
  /// The whole log as text.
  get log() {
    return this.lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  }

  writeConfig(config) {
    if (typeof config === "string") {
      writeFileSync(this.configPath, config);
      return;
    }
    // YAML reads JSON.  State goes where the test's files are.
    const server = { listen: ["127.0.0.1:0"], threads: 2, ...config.server };
    writeFileSync(this.configPath, JSON.stringify({ state_dir: this.dir, ...config, server }, null, 2));
  }

  async #launch(config, args) {
    const all = ["serve", ...args];
    if (config !== null) {
      this.writeConfig(config);
      all.push("-c", this.configPath);
    }
    const env = cleanEnvironment(this.dir, this.#env);
    this.#child = spawn(kBinary, all, { env, cwd: this.dir, stdio: ["ignore", "pipe", "pipe"] });
    const exit = deferred();
    this.#exit = exit.promise;
    this.#child.on("error", exit.reject).on("close", (code, signal) => exit.resolve({ code, signal }));
    this.#child.stdout.setEncoding("utf8").on("data", (text) => (this.stdout += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text) => this.#read(text));
    const started = this.logged((line) => line.event === "started", "the start");
    const early = this.#exit.then(({ code }) => {
      throw new Error(`tollgate ended with ${code} instead of starting:\n${this.log}`);
    });
    early.catch(() => {});
    await Promise.race([started, early]);
    await eventually(async () => (await this.get("/health/ready")).status === 200, "readiness");
  }

  #read(text) {
    const pieces = (this.#partial + text).split("\n");
    this.#partial = pieces.pop();
    for (const piece of pieces) {
      let line = piece;
      try {
        line = JSON.parse(piece);
      } catch {
        // not a line of the log: a message before it was opened, or a sanitizer's report
      }
      this.lines.push(line);
      if (line.event === "listening") {
        this.ports.push(Number(/:(\d+)$/.exec(line.address)?.[1] ?? 0));
        this.port ||= this.ports.at(-1);
      }
      if (line.event === "listening for administration") this.adminPort = Number(/:(\d+)$/.exec(line.address)?.[1] ?? 0);
      if (line.event === "listening for metrics") this.metricsPort = Number(/:(\d+)$/.exec(line.address)[1]);
    }
  }

  /// The first log line (after `from`) that `test` accepts; waits for it.
  logged(test, what, from = 0) {
    return eventually(() => this.lines.slice(from).find((line) => typeof line === "object" && test(line)), `the log of ${what}`);
  }
  /// The access line of a request.
  access(id) {
    return this.logged((line) => line.event === "access" && line.request_id === id, `request ${id}`);
  }

  /// One request on a connection of its own.
  request(options, reading) {
    return request(this.port, options, reading);
  }
  get(path, headers = {}) {
    return this.request({ path, headers });
  }
  post(path, body, headers = {}, reading = {}) {
    return this.request({ method: "POST", path, body, headers }, reading);
  }
  /// One call of the admin API; `key` where it needs one.
  admin(method, path, body, { key, headers = {} } = {}) {
    const all = { ...(key ? { authorization: `Bearer ${key}` } : {}), ...headers };
    return request(this.adminPort || this.port, { method, path: `/admin/v1/${path}`, body, headers: all });
  }
  chat(body, headers = {}, reading = {}) {
    return this.post("/v1/chat/completions", { messages: [{ role: "user", content: "hi" }], ...body }, headers, reading);
  }

  /// The sum of a metric's samples whose labels include `labels`; 0 when there is none.
  async metric(name, labels = {}) {
    const { text } = await request(this.metricsPort || this.port, { path: "/metrics" });
    return sumSamples(text, name, labels);
  }

  /// Nothing is left over from what the clients did: no request in flight, no busy upstream connection.
  async settled() {
    // The scrape itself is in flight while it counts.
    await eventually(async () => (await this.metric("tollgate_inflight_requests")) <= 1, "in-flight requests to end");
    await eventually(async () => (await this.metric("tollgate_upstream_connections", { state: "active" })) === 0,
      "upstream connections to be released");
  }

  /// A counter after everything that was sent has been counted.
  async counted(name, labels) {
    await this.settled();
    return this.metric(name, labels);
  }

  residentBytes() {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, "utf8"))[1]) * 1024;
  }

  signal(name) {
    this.#child.kill(name);
  }
  /// {code, signal} of the process, when it has ended.
  exited(ms = kPatience) {
    return within(this.#exit, "tollgate to exit", ms);
  }
  /// SIGTERM; the process must end by itself and well.
  async stop() {
    this.signal("SIGTERM");
    const { code, signal } = await this.exited();
    this.#stopped = true;
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.log.slice(-4000));
  }

  async dispose() {
    try {
      if (this.#child && !this.#stopped && this.#child.exitCode === null && this.#child.signalCode === null) await this.stop();
      const report = this.lines.find((line) => /ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|LeakSanitizer/.test(line));
      if (report !== undefined) assert.fail(this.log.slice(-8000));
    } finally {
      this.#child?.kill("SIGKILL");
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}

/// The sum of the samples of one metric in an exposition.
export function sumSamples(text, name, labels = {}) {
  let sum = 0;
  for (const line of text.split("\n")) {
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (sample?.[1] !== name) continue;
    const own = Object.fromEntries([...(sample[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]));
    if (Object.entries(labels).every(([key, value]) => own[key] === String(value))) sum += Number(sample[3]);
  }
  return sum;
}
