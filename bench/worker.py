"""worker.py MODULE FUNCTION JSON: one measurement in a process of its own; prints its result as JSON."""
import importlib
import json
import sys

if __name__ == "__main__":
    module, function, arguments = sys.argv[1:]
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(result))
