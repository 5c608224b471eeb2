"""Pass bytes between a port of ours and another: `relay.py LISTEN_PORT PORT`. Stopped (SIGSTOP), it is a network that lets
nothing through in either direction and tells nobody."""
import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, back), pump(there, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    print("relaying", flush=True)
    await server.serve_forever()


asyncio.run(main())
