"""A real RTSP server, run with the system's own Python, which has GStreamer's bindings.

Usage: gst_rtsp.py PORT CLIP [USER:PASSWORD]; port 0 takes a free one. The port is printed, the clip is at /cam.
Where CLIP holds a !, it is what GStreamer shall send instead, up to its payloader.
"""

import sys
from typing import Any

PIPELINES = {
    ".mp4": "qtdemux ! h264parse config-interval=-1 ! rtph264pay",
    ".mov": "qtdemux ! h265parse config-interval=-1 ! rtph265pay",
    ".avi": "avidemux ! jpegparse ! rtpjpegpay",
}
"""What packs a clip, by the end of its name: .mp4 holds H.264, .mov H.265, .avi MJPEG."""


def serve(port: str, clip: str, account: str | None) -> None:
    import gi  # type: ignore[import-not-found, unused-ignore]

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found, unused-ignore]

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    pipeline = clip if "!" in clip else f"filesrc location={clip} ! {PIPELINES[clip[-4:]]}"
    factory.set_launch(f"( {pipeline} name=pay0 pt=96 )")
    if account:
        protect(server, factory, *account.split(":"), rtsp=GstRtspServer)
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        raise SystemExit(f"port {port} is taken")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def protect(server: Any, factory: Any, user: str, password: str, *, rtsp: Any) -> None:
    """Ask for a user and password before the clip is described."""
    token = rtsp.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = rtsp.RTSPAuth()
    auth.add_basic(rtsp.RTSPAuth.make_basic(user, password), token)
    permissions = rtsp.RTSPPermissions()
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("user", permission, allowed=True)
    factory.set_permissions(permissions)
    server.set_auth(auth)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
