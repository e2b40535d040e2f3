"""Kafka's logging: into the node's own folder under ``logs/``, rotated, and to a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kinds.layout import HostLayout
from provisioner.spec.types import Spec

PATTERN = "[%d] %p %m (%c)%n"
SEPARATE = {
    "controller": ("org.apache.kafka.controller", "kafka.controller"),
    "state-change": ("state.change.logger",),
    "log-cleaner": ("kafka.log.LogCleaner", "org.apache.kafka.storage.internals.log.LogCleaner"),
}


def path(spec: Spec, places: HostLayout) -> str:
    """3.x logs by log4j 1 (reload4j), 4.x by log4j 2."""
    name = "log4j.properties" if spec.version.startswith("3.") else "log4j2.properties"
    return f"{places.home}/config/{name}"


def configuration(spec: Spec, places: HostLayout) -> tuple[str, Mapping[str, str]]:
    """The path of the logging configuration and its keys."""
    values = _log4j() if spec.version.startswith("3.") else _log4j2()
    return path(spec, places), values


def _log4j() -> dict[str, str]:
    values = {
        "log4j.rootLogger": "INFO, stdout, server",
        "log4j.appender.stdout": "org.apache.log4j.ConsoleAppender",
        "log4j.appender.stdout.Threshold": "${provision.console}",
        "log4j.appender.stdout.layout": "org.apache.log4j.PatternLayout",
        "log4j.appender.stdout.layout.ConversionPattern": PATTERN,
    }
    for name in ("server", *SEPARATE):
        appender = f"log4j.appender.{name}"
        values |= {
            appender: "org.apache.log4j.RollingFileAppender",
            f"{appender}.File": "${kafka.logs.dir}/" + name + ".log",
            f"{appender}.MaxFileSize": "64MB",
            f"{appender}.MaxBackupIndex": "8",
            f"{appender}.layout": "org.apache.log4j.PatternLayout",
            f"{appender}.layout.ConversionPattern": PATTERN,
        }
    for name, loggers in SEPARATE.items():
        for logger in loggers:
            values[f"log4j.logger.{logger}"] = f"INFO, {name}"
            values[f"log4j.additivity.{logger}"] = "false"
    return values


def _log4j2() -> dict[str, str]:
    values = {
        "status": "warn",
        "rootLogger.level": "info",
        "rootLogger.appenderRef.stdout.ref": "stdout",
        "rootLogger.appenderRef.server.ref": "server",
        "appender.stdout.type": "Console",
        "appender.stdout.name": "stdout",
        "appender.stdout.layout.type": "PatternLayout",
        "appender.stdout.layout.pattern": PATTERN,
        "appender.stdout.filter.level.type": "ThresholdFilter",
        "appender.stdout.filter.level.level": "${sys:provision.console}",
    }
    for name in ("server", *SEPARATE):
        key = f"appender.{name.replace('-', '_')}"
        values |= {
            f"{key}.type": "RollingFile",
            f"{key}.name": name,
            f"{key}.fileName": "${sys:kafka.logs.dir}/" + name + ".log",
            f"{key}.filePattern": "${sys:kafka.logs.dir}/" + name + ".log.%i",
            f"{key}.layout.type": "PatternLayout",
            f"{key}.layout.pattern": PATTERN,
            f"{key}.policies.type": "Policies",
            f"{key}.policies.size.type": "SizeBasedTriggeringPolicy",
            f"{key}.policies.size.size": "64MB",
            f"{key}.strategy.type": "DefaultRolloverStrategy",
            f"{key}.strategy.max": "8",
        }
    for name, loggers in SEPARATE.items():
        for number, logger in enumerate(loggers):
            key = f"logger.{name.replace('-', '_')}{number}"
            values |= {
                f"{key}.name": logger,
                f"{key}.level": "info",
                f"{key}.additivity": "false",
                f"{key}.appenderRef.file.ref": name,
            }
    return values
