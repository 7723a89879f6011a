// The workflow code as Temporal's sandbox loads it: one file, made when dist/ is built. Where there
// is none (tests, a source tree), it is made when the worker starts, which takes about 2 s.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker';

/** `dist/workflow-bundle.js`. */
const bundleFile = path.join(__dirname, '..', 'workflow-bundle.js');
const workflowsPath = path.join(__dirname, '..', 'workflows', 'index');

async function bundle(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: require.resolve(workflowsPath),
    // It reports sizes at INFO; failures are thrown.
    logger: new DefaultLogger('ERROR'),
  });
  return code;
}

/** Writes the bundle beside the compiled code and returns its path and size in bytes. */
export async function writeWorkflowBundle(): Promise<{
  readonly file: string;
  readonly sizeBytes: number;
}> {
  const code = await bundle();
  await writeFile(bundleFile, code);
  return { file: bundleFile, sizeBytes: Buffer.byteLength(code) };
}

/** The bundle that was built, else one that is made now. */
export async function loadWorkflowBundle(): Promise<WorkflowBundleOption> {
  if (existsSync(bundleFile)) return { codePath: bundleFile };
  return { code: await bundle() };
}
