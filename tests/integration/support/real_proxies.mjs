// Debian's nginx and HAProxy as children in the foreground, in front of a fake vendor.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, within } from "./bounded.mjs";
import { closedPort } from "./upstream.mjs";

const answers = (port) =>
  new Promise((resolve) => {
    const probe = net.connect(port, "127.0.0.1", () => (probe.destroy(), resolve(true)));
    probe.on("error", () => resolve(false));
  });

class Child {
  constructor(t, kind) {
    this.dir = mkdtempSync(join(tmpdir(), `tollgate-${kind}-`));
    this.output = "";
    t.after(() => this.dispose());
  }
  run(command, args) {
    // Debian keeps servers where only root's PATH leads.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    this.child = spawn(command, args, { cwd: this.dir, env, stdio: ["ignore", "pipe", "pipe"] });
    for (const name of ["stdout", "stderr"]) this.child[name].setEncoding("utf8").on("data", (text) => (this.output += text));
    this.ended = new Promise((resolve, reject) => this.child.on("error", reject).on("close", resolve));
    this.ended.catch(() => {});
  }
  /// Until both ports answer.
  async ready() {
    const early = this.ended.then((code) => {
      throw new Error(`ended with ${code} instead of starting:\n${this.output}`);
    });
    const up = eventually(async () => (await answers(this.securePort)) && (await answers(this.plainPort)), `the ports of ${this.dir}:\n${this.output}`);
    early.catch(() => {});
    await Promise.race([up, early]);
  }
  signal(name) {
    this.child.kill(name);
  }
  async dispose() {
    this.child?.kill("SIGTERM");
    const late = setTimeout(() => this.child?.kill("SIGKILL"), 3000);
    await within(this.ended ?? Promise.resolve(), "a proxy to end").catch(() => {});
    clearTimeout(late);
    rmSync(this.dir, { recursive: true, force: true });
  }
  get secure() {
    return { url: `https://localhost:${this.securePort}` };
  }
  get plain() {
    return { url: `http://127.0.0.1:${this.plainPort}` };
  }
}

/// `keepaliveRequests`: after so many on a connection nginx says GOAWAY.
export async function startNginx(t, vendor, { certFile, keyFile }, { keepaliveRequests = 1000 } = {}) {
  const nginx = new Child(t, "nginx");
  nginx.securePort = await closedPort();
  nginx.plainPort = await closedPort();
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${nginx.dir}/${name};`).join(" ");
  writeFileSync(join(nginx.dir, "nginx.conf"), `
daemon off; master_process off; pid ${nginx.dir}/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http {
  ${temp}
  access_log off; client_max_body_size 64m; client_body_buffer_size 8m; keepalive_requests ${keepaliveRequests};
  server {
    listen 127.0.0.1:${nginx.securePort} ssl http2; listen 127.0.0.1:${nginx.plainPort} http2;
    ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
    location / { proxy_pass http://127.0.0.1:${vendor.port}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`);
  nginx.run("nginx", ["-p", nginx.dir, "-e", "stderr", "-c", join(nginx.dir, "nginx.conf")]);
  await nginx.ready();
  return nginx;
}

/// A master and its worker: SIGUSR2 reloads, SIGUSR1 stops when what runs has ended.
export async function startHaproxy(t, vendor, { cert, key }) {
  const haproxy = new Child(t, "haproxy");
  haproxy.securePort = await closedPort();
  haproxy.plainPort = await closedPort();
  writeFileSync(join(haproxy.dir, "both.pem"), Buffer.concat([cert, key]));
  writeFileSync(join(haproxy.dir, "haproxy.cfg"), `
global
  maxconn 500
  hard-stop-after 20s
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend all
  bind 127.0.0.1:${haproxy.securePort} ssl crt ${haproxy.dir}/both.pem alpn h2,http/1.1
  bind 127.0.0.1:${haproxy.plainPort} proto h2
  default_backend vendor
backend vendor
  server one 127.0.0.1:${vendor.port}
`);
  haproxy.run("haproxy", ["-W", "-f", join(haproxy.dir, "haproxy.cfg")]);
  await haproxy.ready();
  return haproxy;
}
