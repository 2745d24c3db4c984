// Debian's nginx and HAProxy as children on loopback, in front of one upstream each.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./bounded.mjs";
import { closedPort } from "./upstream.mjs";

const accepts = (port) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true))).on("error", () => resolve(false));
});

async function start(t, program, argumentsFor, config) {
  const dir = mkdtempSync(join(tmpdir(), "tollgate-proxy-"));
  const port = await closedPort();
  writeFileSync(join(dir, "proxy.conf"), config(port, dir));
  const child = spawn(program, argumentsFor(dir), { stdio: ["ignore", "ignore", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  child.on("error", (error) => (complaints += error.message));
  t.after(() => (child.kill("SIGKILL"), rmSync(dir, { recursive: true, force: true })));
  await eventually(() => accepts(port), `${program} to listen`).catch((error) => {
    throw new Error(`${error.message}: ${complaints}`);
  });
  return port;
}

export const startNginx = (t, upstreamPort) =>
  start(t, "/usr/sbin/nginx", (dir) => ["-p", dir, "-e", join(dir, "error.log"), "-c", join(dir, "proxy.conf")], (port, dir) => `
daemon off; master_process off; pid ${dir}/pid;
events { worker_connections 512; }
http {
  access_log off; client_body_timeout 2s; client_header_timeout 2s;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`).join(" ")}
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${upstreamPort}; proxy_http_version 1.1; proxy_read_timeout 3s; }
  }
}
`);

export const startHaproxy = (t, upstreamPort) =>
  start(t, "/usr/sbin/haproxy", (dir) => ["-db", "-f", join(dir, "proxy.conf")], (port) => `
global
  maxconn 512
defaults
  mode http
  timeout connect 2s
  timeout client 3s
  timeout server 3s
  timeout http-request 2s
frontend in
  bind 127.0.0.1:${port}
  default_backend out
backend out
  server one 127.0.0.1:${upstreamPort}
`);
