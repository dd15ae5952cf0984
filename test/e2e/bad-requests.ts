// Bodies that etcd 3.7 refuses with 400, and its words for each.

/** Words by path and body; after `proto:` etcd writes either kind of space. */
export const badRequests: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/v3/kv/range': {
    '{': 'unexpected EOF',
    '{bad': "invalid character 'b' looking for beginning of object key string",
    '{"key"': 'unexpected EOF',
    '{"key":"YQ==': 'unexpected EOF',
    '{"key":"YQ==",}': "invalid character '}' looking for beginning of object key string",
    "{'key':'YQ=='}": "invalid character '\\'' looking for beginning of object key string",
    '{"key" "YQ=="}': "invalid character '\"' after object key",
    '{"key":"YQ=="]': "invalid character ']' after object key:value pair",
    '[{}]': 'proto: syntax error (line 1:1): unexpected token [',
    '"YQ=="': 'proto: syntax error (line 1:1): unexpected token "YQ=="',
    '1': 'proto: syntax error (line 1:1): unexpected token 1',
    'null': 'proto: syntax error (line 1:1): unexpected token null',
    'nul': 'unexpected EOF',
    'é': "invalid character 'Ã' looking for beginning of value",
    '\ufeff{}': "invalid character 'ï' looking for beginning of value",
    '\0': "invalid character '\\x00' looking for beginning of value",
    '{"key":"\\x"}': "invalid character 'x' in string escape code",
    '{"key":"\\u12"}': "invalid character '\"' in \\u hexadecimal character escape",
    '{"key":"\\ud800"}': 'proto: unexpected EOF',
    '{"key":"a\u0001"}': "invalid character '\\x01' in string literal",
    '{"key":"***"}': 'proto: (line 1:8): invalid value for bytes field key: "***"',
    '{"key":"Y"}': 'proto: (line 1:8): invalid value for bytes field key: "Y"',
    '{"key":5}': 'proto: (line 1:8): invalid value for bytes field key: 5',
    '{"key":["YQ=="]}': 'proto: (line 1:8): invalid value for bytes field key: [',
    '{"key":{}}': 'proto: (line 1:8): invalid value for bytes field key: {',
    '{"limit":"x"}': 'proto: (line 1:10): invalid value for int64 field limit: "x"',
    '{"limit":1.5}': 'proto: (line 1:10): invalid value for int64 field limit: 1.5',
    '{"limit":""}': 'proto: (line 1:10): invalid value for int64 field limit: ""',
    '{"limit":true}': 'proto: (line 1:10): invalid value for int64 field limit: true',
    '{"limit":9223372036854775808}':
      'proto: (line 1:10): invalid value for int64 field limit: 9223372036854775808',
    '{"limit":1e400}': 'proto: (line 1:10): invalid value for int64 field limit: 1e400',
    '{"limit":01}': "invalid character '1' after object key:value pair",
    '{"limit":-}': "invalid character '}' in numeric literal",
    '{"limit":1e}': "invalid character '}' in exponent of numeric literal",
    '{"limit":+1}': "invalid character '+' looking for beginning of value",
    '{"keys_only":"true"}': 'proto: (line 1:14): invalid value for bool field keysOnly: "true"',
    '{"keys_only":1}': 'proto: (line 1:14): invalid value for bool field keysOnly: 1',
    '{"sort_order":1.5}': 'proto: (line 1:15): invalid value for enum field sortOrder: 1.5',
    '{"sort_order":2147483648}':
      'proto: (line 1:15): invalid value for enum field sortOrder: 2147483648',
    '{"key":"YQ==","sort_order":9}': 'etcdserver: invalid sort option',
    '{"key":"YQ==","sort_target":-1}': 'etcdserver: invalid sort option',
    '{"key":"YQ==","key":"Yg=="}': 'proto: (line 1:15): duplicate field "key"',
    '{"range_end":"YQ==","rangeEnd":"Yg=="}': 'proto: (line 1:21): duplicate field "rangeEnd"',
    '{}': 'etcdserver: key is not provided',
    '': 'etcdserver: key is not provided',
    '{"key":"YQ==","revision":100000}': 'etcdserver: mvcc: required revision is a future revision',
  },
  '/v3/kv/put': {
    '{"value":"YQ=="}': 'etcdserver: key is not provided',
    '{"key":""}': 'etcdserver: key is not provided',
    '{"key":null}': 'etcdserver: key is not provided',
    '{"key":"YQ==","lease":"9223372036854775808"}':
      'proto: (line 1:23): invalid value for int64 field lease: "9223372036854775808"',
  },
  '/v3/kv/deleterange': {
    '{}': 'etcdserver: key is not provided',
    '{"prev_kv":null,"range_end":"AA=="}': 'etcdserver: key is not provided',
  },
  '/v3/kv/txn': {
    '{"success":[null]}': 'proto: syntax error (line 1:13): unexpected token null',
    '{"success":{}}': 'proto: syntax error (line 1:12): unexpected token {',
    '{"success":[[]]}': 'proto: syntax error (line 1:13): unexpected token [',
    '{"success":["x"]}': 'proto: syntax error (line 1:13): unexpected token "x"',
    '{"success":[{"request_put":[]}]}': 'proto: syntax error (line 1:28): unexpected token [',
    '{"success":[{}]}': 'etcdserver: key not found',
    '{"success":[{"request_put":null}]}': 'etcdserver: key not found',
    '{"success":[{"request_put":{"key":"YQ=="},"request_range":{"key":"YQ=="}}]}':
      'proto: (line 1:43): error parsing "request_range", oneof etcdserverpb.RequestOp.request is already set',
    '{"success":[{"request_put":{"key":"YQ=="},"requestPut":{"key":"YQ=="}}]}':
      'proto: (line 1:43): duplicate field "requestPut"',
    '{"compare":[{"key":"YQ==","version":1,"value":"YQ=="}]}':
      'proto: (line 1:39): error parsing "value", oneof etcdserverpb.Compare.target_union is already set',
    '{"compare":[{}]}': 'etcdserver: key is not provided',
    '{"success":[{"request_range":{}}]}': 'etcdserver: key is not provided',
    '{"failure":[{"request_delete_range":{}}]}': 'etcdserver: key is not provided',
    '{"success":[{"request_txn":{"compare":[{"target":"MOD"}]}}]}':
      'etcdserver: key is not provided',
    '{"success":[{"request_range":{"key":"YQ==","revision":-2}}]}':
      'etcdserver: mvcc: required revision has been compacted',
  },
  '/v3/kv/compaction': {
    '{"revision":-1}': 'etcdserver: mvcc: required revision has been compacted',
    '{"revision":100000}': 'etcdserver: mvcc: required revision is a future revision',
  },
  '/v3/maintenance/hashkv': {
    '{"revision":100000}': 'etcdserver: mvcc: required revision is a future revision',
  },
  '/v3/lease/grant': {
    '{"TTL":"9223372036854775807"}': 'etcdserver: too large lease TTL',
    '{"ID":"9223372036854775808"}':
      'proto: (line 1:7): invalid value for int64 field ID: "9223372036854775808"',
  },
}
