// The supervisor's process: `node dist/lab/supervisor/main.js STATE_DIR`, started detached by
// lab.ts. Its output is the lab's own log. It ends when told to over the socket or by SIGTERM, and
// its children end with it (isolation.ts).

import { installedBinaries } from '../binaries';
import { requireIsolation } from '../isolation';
import { labLayout } from '../layout';
import { messageOf } from '../lab-error';
import { Supervisor } from './supervisor';

function log(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}

async function main(stateDir: string | undefined): Promise<void> {
  if (stateDir === undefined) throw new Error('give the state directory of the lab');
  const utsMode = requireIsolation();
  const supervisor = await Supervisor.open({
    layout: labLayout(stateDir),
    binaries: await installedBinaries(),
    utsMode,
    log,
    onEnd: () => {
      process.exit(0);
    },
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      log(`got ${signal}`);
      supervisor.shutdown();
    });
  }
  await supervisor.start();
}

main(process.argv[2]).catch((error: unknown) => {
  log(`the supervisor gives up: ${messageOf(error)}`);
  process.exitCode = 1;
});
