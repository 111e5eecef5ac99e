"""Print the lowest versions that a setup.cfg declares, as constraints for pip."""

import configparser
import re
import sys

config = configparser.ConfigParser()
config.read(sys.argv[1])
listed = [config["options"]["install_requires"], config["options.extras_require"]["test"]]
for name, version in re.findall(r"^([\w.-]+)(?:\[\w+\])?>=([\w.]+)$", "\n".join(listed), re.M):
    print(f"{name}=={version}")
