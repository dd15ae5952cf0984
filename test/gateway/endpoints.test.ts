import { describe, expect, it, onTestFinished } from 'vitest'
import { metricsResponse } from '../../src/gateway/metrics.ts'
import { families, type MetricValues } from '../../src/protocol/metric-families.ts'
import { answer, ask, post, put } from './client.ts'

async function raise(alarm: 'NOSPACE' | 'CORRUPT'): Promise<void> {
  const change = (action: string): Promise<unknown> =>
    answer('/v3/maintenance/alarm', { action, alarm, memberID: '1' })
  await change('ACTIVATE')
  onTestFinished(async () => {
    await change('DEACTIVATE')
  })
}

async function shown(path: string): Promise<readonly [number, string]> {
  const response = await ask(path)
  return [response.status, await response.text()]
}

describe('/version', () => {
  it('[GTW25] names the versions of etcd that are spoken', async () => {
    const response = await ask('/version')
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(await response.text()).toBe(
      '{"etcdserver":"3.7.1","etcdcluster":"3.7.0","storage":"3.7.0"}',
    )
  })
})

describe('the plain endpoints', () => {
  it.each(['/version', '/health', '/livez', '/readyz', '/readyz/non_learner', '/debug/vars'])(
    '[GTW25] know GET alone: %s',
    async (path) => {
      for (const method of ['POST', 'PUT', 'HEAD']) {
        const response = await ask(path, { method })
        expect(response.status).toBe(405)
        expect(response.headers.get('Allow')).toBe('GET')
        expect(await response.text()).toBe(method === 'HEAD' ? '' : 'Method Not Allowed\n')
      }
    },
  )
})

describe('/health', () => {
  it('[GTW26] is true without alarms', async () => {
    for (const query of ['', '?serializable=true', '?serializable=maybe', '?exclude=NOSPACE&x=1']) {
      expect(await shown(`/health${query}`)).toEqual([200, '{"health":"true","reason":""}'])
    }
    expect((await ask('/health')).headers.get('Content-Type')).toBe('text/plain; charset=utf-8')
  })

  it('[GTW26] is false under an alarm that is not excluded', async () => {
    await raise('NOSPACE')
    const unhealthy = [503, '{"health":"false","reason":"ALARM NOSPACE"}\n']
    for (const query of ['', '?exclude=', '?exclude=nospace', '?exclude=NOSPACE,CORRUPT']) {
      expect(await shown(`/health${query}`)).toEqual(unhealthy)
    }
    expect((await ask('/health')).headers.get('X-Content-Type-Options')).toBe('nosniff')
    const excluded = await shown('/health?exclude=CORRUPT&exclude=NOSPACE')
    expect(excluded).toEqual([200, '{"health":"true","reason":""}'])
  })
})

describe('/livez and /readyz', () => {
  it('[GTW27] are ok', async () => {
    for (const path of [
      '/livez',
      '/readyz',
      '/readyz/data_corruption',
      '/livez/serializable_read',
    ]) {
      expect(await shown(path)).toEqual([200, 'ok\n'])
    }
    const { headers } = await ask('/livez')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(headers.get('Content-Type')).toBe('text/plain; charset=utf-8')
  })

  it('[GTW27] list their checks when asked to, but for those excluded', async () => {
    expect(await shown('/livez?verbose')).toEqual([200, '[+]serializable_read ok\nok\n'])
    const [, all] = await shown('/readyz?verbose=false')
    expect(all.split('\n').toSorted()).toEqual([
      '',
      '[+]data_corruption ok',
      '[+]linearizable_read ok',
      '[+]non_learner ok',
      '[+]serializable_read ok',
      'ok',
    ])
    const [, some] = await shown('/readyz?verbose&exclude=non_learner&exclude=nothing')
    expect(some).not.toContain('non_learner')
    expect(await shown('/livez?verbose&exclude=serializable_read')).toEqual([200, 'ok\n'])
    expect(await shown('/readyz/data_corruption?verbose&exclude=data_corruption')).toEqual([
      200,
      '[+]data_corruption ok\nok\n',
    ])
  })

  it('[GTW27] tell which check failed', async () => {
    await raise('CORRUPT')
    const failure = '[-]data_corruption failed: alarm activated: CORRUPT\n'
    expect(await shown('/readyz/data_corruption')).toEqual([503, `${failure}\n`])
    const [status, lines] = await shown('/readyz')
    expect(status).toBe(503)
    expect(lines).toContain(failure)
    expect(lines).toContain('[+]linearizable_read ok\n')
    expect(lines.endsWith('\n\n')).toBe(true)
    expect(await shown('/readyz?exclude=data_corruption')).toEqual([200, 'ok\n'])
    expect(await shown('/livez')).toEqual([200, 'ok\n'])
  })

  it('[GTW27] know no other check', async () => {
    expect(await shown('/readyz/nothing')).toEqual([404, '404 page not found\n'])
    expect(await shown('/livez/')).toEqual([404, '404 page not found\n'])
  })
})

describe('/debug/vars', () => {
  it('[GTW25] shows the state of raft as that of a leader', async () => {
    await put('vars', '1')
    const { header } = await answer<{ header: Record<string, string> }>('/v3/kv/range', {
      key: 'dmFycw==',
    })
    const vars = await (await ask('/debug/vars')).json()
    const id = BigInt(header['member_id'] ?? '').toString(16)
    expect(vars).toMatchObject({
      'raft.status': {
        id,
        lead: id,
        raftState: 'StateLeader',
        applied: Number(header['revision']),
        progress: { [id]: { state: 'StateReplicate' } },
      },
    })
  })
})

describe('/metrics', () => {
  const type = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'
  const openType = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

  it('[GTW29] are those of the shard, in the order of their names', async () => {
    const response = await ask('/metrics')
    expect(response.headers.get('Content-Type')).toBe(type)
    const text = await response.text()
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(names).toContain('etcd_server_has_leader')
    expect(names).toEqual(names.toSorted((a = '', b = '') => (a < b ? -1 : 1)))
    expect((await post('/metrics', '')).status).toBe(200)
  })

  it('[END23] are all there without a host, but for those of its processes', async () => {
    const text = await (await ask('/metrics')).text()
    const named = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    const missing = Object.entries(families)
      .filter(
        ([name, { from, presets }]) => !named.has(name) && (from === 'host' || presets.length > 0),
      )
      .map(([name]) => name)
    const ofHost = Object.entries(families).filter(([, { from }]) => from === 'host')
    expect(missing).toEqual(ofHost.map(([name]) => name))
    expect(text).toContain('server_go_version="Cloudflare-Workers"')
  })

  const values: MetricValues = {
    etcd_server_version: [{ labels: { server_version: 'x"y\\z\n' }, value: 1 }],
    etcd_server_apply_duration_seconds: [
      {
        labels: { version: 'v3', op: 'Put', success: 'true' },
        value: { counts: [1, 0, 2], count: 4, sum: 60.5 },
      },
    ],
    etcd_debugging_mvcc_current_revision: [{ labels: {}, value: 1_234_567 }],
    etcd_server_client_requests_total: [
      { labels: { type: 'unary', client_api_version: '3.7' }, value: 2 },
      { labels: { type: 'stream', client_api_version: '3.7' }, value: 1 },
      { labels: { type: 'unary', client_api_version: '3.7' }, value: 3 },
    ],
    etcd_server_health_success: [{ labels: {}, value: 3 }],
  }

  it('[GTW29] are written as etcd writes them', async () => {
    const text = await metricsResponse(values, 'text/plain').text()
    expect(text).toContain(`
# HELP etcd_server_version Which version is running. 1 for 'server_version' label with current version.
# TYPE etcd_server_version gauge
etcd_server_version{server_version="x\\"y\\\\z\\n"} 1
`)
    expect(text).toContain(`
etcd_server_apply_duration_seconds_bucket{op="Put",success="true",version="v3",le="0.0001"} 1
etcd_server_apply_duration_seconds_bucket{op="Put",success="true",version="v3",le="0.0002"} 1
etcd_server_apply_duration_seconds_bucket{op="Put",success="true",version="v3",le="0.0004"} 3
`)
    expect(text).toContain(`
etcd_server_apply_duration_seconds_bucket{op="Put",success="true",version="v3",le="+Inf"} 4
etcd_server_apply_duration_seconds_sum{op="Put",success="true",version="v3"} 60.5
etcd_server_apply_duration_seconds_count{op="Put",success="true",version="v3"} 4
`)
    expect(text).toContain('etcd_debugging_mvcc_current_revision 1.234567e+06\n')
  })

  it('[GTW29] add up what several tell, sorted by their labels', async () => {
    const text = await metricsResponse(values, 'text/plain').text()
    expect(text).toContain(`counter
etcd_server_client_requests_total{client_api_version="3.7",type="stream"} 1
etcd_server_client_requests_total{client_api_version="3.7",type="unary"} 5
#`)
  })

  it('[GTW29] are OpenMetrics to those who ask for it, with the same samples', async () => {
    const response = metricsResponse(values, 'application/openmetrics-text;version=1.0.0,*/*')
    expect(response.headers.get('Content-Type')).toBe(openType)
    const text = new TextDecoder().decode(await response.arrayBuffer())
    expect(text).toContain(
      '# TYPE etcd_server_client_requests counter\netcd_server_client_requests_total{',
    )
    expect(text).toContain(
      '# TYPE etcd_server_health_success unknown\netcd_server_health_success 3\n',
    )
    expect(text.endsWith('\n# EOF\n')).toBe(true)
  })
})
