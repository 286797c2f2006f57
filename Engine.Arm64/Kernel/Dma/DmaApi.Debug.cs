using System.Globalization;
using Engine.Core.Diagnostics;

namespace Engine.Arm64.Kernel.Dma;

/// <content>dma-debug (kernel/dma/debug.c): what a driver does wrong.</content>
public sealed partial class DmaApi
{
    // check_unmap(): the mapping is forgotten where the call fits it; else nothing happens but a report.
    private bool TryTake(DmaDevice device, DmaAddr address, in DmaMapping asked)
    {
        string size = string.Create(CultureInfo.InvariantCulture, $"[size={asked.LengthBytes} bytes]");
        if (!device.Mappings.TryGetValue(address.Value, out DmaMapping known))
        {
            Warn(device, $"device driver tries to free DMA memory it has not allocated [device address={address}] {size}");
            return false;
        }

        if (known.LengthBytes != asked.LengthBytes)
        {
            Warn(device, $"device driver frees DMA memory with different size [device address={address}] [map size={known.LengthBytes} bytes] [unmap size={asked.LengthBytes} bytes]");
            return false;
        }

        if (known.Kind != asked.Kind)
        {
            Warn(device, $"device driver frees DMA memory with wrong function [device address={address}] {size} [mapped as {NameOf(known.Kind)}] [unmapped as {NameOf(asked.Kind)}]");
            return false;
        }

        if (known.Direction != asked.Direction)
        {
            Warn(device, $"device driver frees DMA memory with different direction [device address={address}] {size} [mapped with {NameOf(known.Direction)}] [unmapped with {NameOf(asked.Direction)}]");
            return false;
        }

        device.Mappings.Remove(address.Value);
        return true;
    }

    // check_sync()
    private void CheckSync(DmaDevice device, DmaAddr address, ulong lengthBytes, DmaDirection direction)
    {
        if (!device.Mappings.TryGetValue(address.Value, out DmaMapping known))
        {
            Warn(device, $"device driver tries to sync DMA memory it has not allocated [device address={address}] [size={lengthBytes} bytes]");
        }
        else if (lengthBytes > known.LengthBytes)
        {
            Warn(device, $"device driver syncs DMA memory outside allocated range [device address={address}] [allocation size={known.LengthBytes} bytes] [sync offset+size={lengthBytes}]");
        }
        else if (known.Direction != DmaDirection.Bidirectional && direction != known.Direction)
        {
            Warn(device, $"device driver syncs DMA memory with different direction [device address={address}] [size={lengthBytes} bytes] [mapped with {NameOf(known.Direction)}] [synced with {NameOf(direction)}]");
        }
    }

    private void Warn(DmaDevice device, FormattableString what)
    {
        string text = $"DMA-API: {device.Name}: {what.ToString(CultureInfo.InvariantCulture)}";
        slabs.Print(text + "\n");
        pages.Log.Report(new Corruption(CorruptionCategory.Dma, text, default, 0, device.Stream));
    }

    private static string NameOf(DmaKind kind) => kind switch { DmaKind.Single => "single", DmaKind.Scatter => "scatter-gather", _ => "coherent" };

    private static string NameOf(DmaDirection direction) =>
        direction switch { DmaDirection.ToDevice => "DMA_TO_DEVICE", DmaDirection.FromDevice => "DMA_FROM_DEVICE", _ => "DMA_BIDIRECTIONAL" };
}
