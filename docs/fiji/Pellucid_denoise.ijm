// Denoises the active image of Fiji with Pellucid, and opens the result with its calibration.
// Plugins > Macros > Run...; or save it in Fiji's folder macros/ or plugins/. See docs/fiji.md.

#@ String (label="Command", value="pellucid", description="pellucid, with its whole path if Fiji does not find it") command
#@ String (label="Model", value="em", description="A model in the box, the folder of a run, or a model.zip") model

requires("1.53t");
if (nImages == 0) exit("Open an image first.");
if (bitDepth() == 24) exit("Pellucid takes one channel at a time: Image > Color > Split Channels, then choose one.");

title = getTitle();
folder = getDirectory("temp") + "pellucid-" + d2s(getTime(), 0) + File.separator;
File.makeDirectory(folder);
input = folder + "noisy.tif";
output = folder + "denoised.tif";

// A copy is saved, so that the name and the file of the active image stay as they are.
run("Duplicate...", "title=pellucid-noisy duplicate");
saveAs("Tiff", input);
close();

showStatus("Pellucid: denoising " + title);
said = exec(command, "denoise", input, output, "--model", model);
if (!File.exists(output)) exit("Pellucid could not denoise " + title + ":\n" + said);

open(output);
rename(title + " denoised");
ok = File.delete(input);
ok = File.delete(output);
ok = File.delete(folder);
showStatus("Pellucid: done");
