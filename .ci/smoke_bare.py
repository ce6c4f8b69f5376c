"""Smoke test of the wheel installed without extras: it decides, and it names the extra it lacks."""

from __future__ import annotations

import subprocess
import sys

import bankcrm
from bankcrm.policy import default_policy

if any(name in sys.modules for name in ("matplotlib", "scipy", "rich", "click")):
    raise SystemExit("importing bankcrm.policy loaded an optional package")
for domain in ("lifecycle", "segmentation", "valuation", "complaints"):
    policy = default_policy(domain)
    sys.stdout.write(f"{policy.id} {policy.version} {policy.fingerprint[:12]}\n")
answer = subprocess.run([sys.argv[1], "review"], capture_output=True, text=True)
said = answer.stdout + answer.stderr
if answer.returncode != 2 or "bankcrm[cli]" not in said or "Traceback" in said:
    raise SystemExit(f"the command without its extra said ({answer.returncode}):\n{said}")
sys.stdout.write(f"bankcrm {bankcrm.__version__}: {said}")
