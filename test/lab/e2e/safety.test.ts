// Some of the random upgrades with faults (../thorough/safety.test.ts has all): together they draw
// every kind of fault, take the control plane along twice, end early, stand and come through.

import { describeRandomUpgrades } from '../../support/safety/random-upgrades';

jest.setTimeout(1_200_000);

const ofTheControlPlane = ['1.29-b-01', '1.30-b-02'];
const ofPools = ['pools-a-14', 'pools-a-17', 'pools-b-16', 'pools-b-12', 'pools-b-18'];

describeRandomUpgrades([[...ofTheControlPlane, ...ofPools]], { comeThrough: 'some' });
