// `node tools/test/write-bundle.mjs FILE`: the workflows as they are now, for the tests of one run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { root } from '../bootstrap/prepare.mjs';

const { code } = await bundleWorkflowCode({
  workflowsPath: join(root, 'workflows', 'index.ts'),
  // It reports sizes at INFO; failures are thrown.
  logger: new DefaultLogger('ERROR'),
  // The SDK looks up a stack for every promise that a workflow makes. A map of lines, without the
  // sources in it, makes a replay a sixth cheaper than one of columns; the code is the same.
  webpackConfigHook: (config) => ({
    ...config,
    devtool: 'inline-nosources-cheap-module-source-map',
  }),
});
writeFileSync(process.argv[2], code);
