"""`python -m handler` is `maskdrop`, for where no console script is installed."""

from handler.commands.main import app

if __name__ == "__main__":
    app(prog_name="maskdrop")
