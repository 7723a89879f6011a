// Operator scripts, compared as a whole with what people saw when they were written.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { replayTranscript } from './support/transcripts';

const directory = path.join(__dirname, 'transcripts');
const isUpdating = process.env['UPDATE_TRANSCRIPTS'] === '1';

describe('transcripts', () => {
  it.each(readdirSync(directory).toSorted())('%s reads as it did', async (name) => {
    const file = path.join(directory, name);
    const before = readFileSync(file, 'utf8');
    const now = await replayTranscript(before);
    if (isUpdating) writeFileSync(file, now);
    expect(now).toBe(isUpdating ? now : before);
  });
});
