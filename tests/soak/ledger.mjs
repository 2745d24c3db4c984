// Kills the gateway at full load many times and compares its ledger with what clients were told, to the pico-dollar:
//   TOLLGATE_BIN=build/release/tollgate node tests/soak/ledger.mjs [ROUNDS]      (100 rounds take about three minutes)
import { killAndCompare } from "../integration/support/ledger.mjs";

const rounds = Number(process.argv[2] ?? 100);
const cleanUp = [];
const t = { after: (last) => cleanUp.unshift(last) };
try {
  const { told, rows, cost } = await killAndCompare(t, { rounds, clients: 32, milliseconds: 700 });
  console.log(`${rounds} kills: ${told.size} answers told, ${rows} rows, ${cost} pico-dollars told; all of them in the ledger once`);
} finally {
  for (const last of cleanUp) await last();
}
