import { cpuSecondsIn, deploymentsFor, requestsIn } from '../../bench/scale-figures';

describe('deploymentsFor', () => {
  it('makes ten pods a node, a hundred of them a Deployment', () => {
    expect(deploymentsFor(15)).toEqual([
      { name: 'app-1', replicas: 100, maxUnavailable: '10%' },
      { name: 'app-2', replicas: 50, maxUnavailable: '10%' },
    ]);
  });
});

describe('cpuSecondsIn', () => {
  it('adds user and system time, whatever the program is called', () => {
    const stat = '42 (a) R (b) S 1 42 42 0 -1 4194304 100 0 0 0 1250 50 7 8 20 0 11 0 100';
    expect(cpuSecondsIn(stat)).toBe(13);
  });

  it('refuses what is no stat', () => {
    expect(() => cpuSecondsIn('42 (node) S 1')).toThrow('the stat of a process has no times');
  });
});

describe('requestsIn', () => {
  const metrics = [
    '# TYPE apiserver_flowcontrol_dispatched_requests_total counter',
    'apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="a"} 900',
    'apiserver_flowcontrol_dispatched_requests_total{flow_schema="worker",priority_level="a"} 7',
    'apiserver_flowcontrol_dispatched_requests_total{flow_schema="worker",priority_level="b"} 5',
    'apiserver_flowcontrol_rejected_requests_total{flow_schema="worker",priority_level="b"} 100',
  ].join('\n');

  it('adds up what one flow schema was let through with', () => {
    expect(requestsIn(metrics, 'worker')).toBe(12);
  });

  it('refuses a flow schema that has no counter', () => {
    expect(() => requestsIn(metrics, 'other')).toThrow('the API server knows no flow schema other');
  });
});
