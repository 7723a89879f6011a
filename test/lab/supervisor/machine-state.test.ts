import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { designLab, type LabFile } from '../../../lab/lab-file';
import { MachineStateStore } from '../../../lab/supervisor/machine-state';
import { smallShape } from '../../support/lab-shape';

describe('what every machine of a lab remembers', () => {
  let directory: string;
  let file: string;
  let lab: LabFile;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-machines-'));
    file = path.join(directory, 'machines.json');
    lab = await designLab(smallShape, 0, new Set());
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('is what the lab was made with, until a program serves as another minor', async () => {
    const state = await MachineStateStore.open(file, lab);
    const [member] = lab.members;
    const name = member?.name ?? '';
    expect(state.programOf(name, 'api-server')).toEqual({ version: lab.version });

    await state.setMember(name, { apiServer: '1.32.5', apiServerEmulates: '1.31' });
    const later = await MachineStateStore.open(file, lab);

    expect(later.programOf(name, 'api-server')).toEqual({ version: '1.32.5', emulates: '1.31' });
    expect(later.programOf(name, 'controllers')).toEqual({ version: lab.version });
    expect(later.programOf('cp-9', 'controllers')).toEqual({ version: lab.version });
  });

  it('forgets what a program served as once it serves as itself', async () => {
    const state = await MachineStateStore.open(file, lab);
    const name = lab.members[0]?.name ?? '';

    await state.setMember(name, { apiServer: '1.32.5', apiServerEmulates: undefined });
    const later = await MachineStateStore.open(file, lab);

    expect(later.programOf(name, 'api-server')).toEqual({ version: '1.32.5' });
  });
});
