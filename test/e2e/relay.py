"""Pass bytes between a port of ours and another: `relay.py LISTEN_PORT PORT`. Stopped (SIGSTOP), it is a network that lets
nothing through in either direction and tells nobody. SIGUSR1: a router that has forgotten the connections of now; new ones pass."""
import asyncio
import signal
import sys

forgotten, connections = set(), set()


async def pump(connection, reader, writer):
    try:
        while data := await reader.read(65536):
            if connection in forgotten:
                continue
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
    connection = object()
    connections.add(connection)
    await asyncio.gather(pump(connection, reader, back), pump(connection, there, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: forgotten.update(connections))
    print("relaying", flush=True)
    await server.serve_forever()


asyncio.run(main())
