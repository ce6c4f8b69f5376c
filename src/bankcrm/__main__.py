"""The command ``bankcrm`` where its folder is not on the path: ``python -m bankcrm``."""

from bankcrm.cli import main

if __name__ == "__main__":
    main()
