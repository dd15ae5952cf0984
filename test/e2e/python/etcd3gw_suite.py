"""The tests that etcd3gw brings along, which ask for nothing of the base class that they name.

TOOZ_TEST_ETCD_PORT=PORT TOOZ_TEST_HTTP_URL=URL python3 etcd3gw_suite.py
"""
import sys
import types
import unittest

base = types.ModuleType('oslotest.base')
base.BaseTestCase = unittest.TestCase
oslotest = types.ModuleType('oslotest')
oslotest.base = base
sys.modules.update({'oslotest': oslotest, 'oslotest.base': base})

unittest.main('etcd3gw.tests.test_etcd3gw', argv=['etcd3gw'])
