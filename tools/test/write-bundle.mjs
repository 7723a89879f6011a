// `node tools/test/write-bundle.mjs FILE`: the workflows as they are now, for the tests of one run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { root } from '../bootstrap/prepare.mjs';

const { code } = await bundleWorkflowCode({
  workflowsPath: join(root, 'workflows', 'index.ts'),
  // It reports sizes at INFO; failures are thrown.
  logger: new DefaultLogger('ERROR'),
});
writeFileSync(process.argv[2], code);
