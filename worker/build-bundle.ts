// `node dist/worker/build-bundle.js`: part of the build.

import { writeWorkflowBundle } from './workflow-bundle';

async function main(): Promise<void> {
  const { file, sizeBytes } = await writeWorkflowBundle();
  console.log(`${file}: ${(sizeBytes / 1_048_576).toFixed(1)} MiB of workflow code`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
