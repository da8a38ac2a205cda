"""moto's server as the lab's AWS.

moto takes a bucket's policy for everybody's, whomever it names: what the nodes alone are denied, it would deny the controller,
too. So here a bucket's policy is kept and given back, and decides nothing.
"""

import sys

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.server import main

FakeBucket.get_permission = lambda _bucket, _action, _resource: PermissionResult.NEUTRAL

if __name__ == "__main__":
    sys.exit(main())
